"""Whether two runs agree: comparison, verdict, report."""
