"""Where files come from: one kind of source a module; the folder is the table."""
