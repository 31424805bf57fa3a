"""How files get here: plan, fetch, verify, store."""
