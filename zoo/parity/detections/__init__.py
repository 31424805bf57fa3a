"""Outputs that are sets: what a detector found, and the places of the largest values; the order of equals is chance."""
