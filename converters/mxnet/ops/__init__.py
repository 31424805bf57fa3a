"""One file an operator or family: what reads it, and its samples in MXNet's own notation."""
