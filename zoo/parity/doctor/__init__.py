"""Why two layers differ: hypotheses, each tried on the reference's layer and named only when it explains the error."""
