"""What reads each nn class: one family of modules a file."""
