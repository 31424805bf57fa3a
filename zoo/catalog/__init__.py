"""What the zoo holds: registry entries, and artifacts (an entry or bare paths -> verified files of one format)."""
