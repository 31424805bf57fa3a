"""Faults to plant in networks, and changes that harm nothing: what a parity check is measured by."""
