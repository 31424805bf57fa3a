"""A project's own list of what must agree: zoo.toml, run side by side, remembered by content."""
