"""Graph passes, one a file; each says its order."""
