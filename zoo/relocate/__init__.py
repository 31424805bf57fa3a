"""Relocation: where a checkpoint's tensors live, rewritten in the file itself, with no GPU and no framework."""
