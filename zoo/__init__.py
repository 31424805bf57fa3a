"""zoo: pull, convert, check and relocate pretrained networks of every framework."""

__version__ = "0.1.0"
