"""One scorer a file: what is expected against what came, one row at a time."""
