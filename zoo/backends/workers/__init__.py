"""One backend a file, run by its own interpreter; never imported by zoo."""
