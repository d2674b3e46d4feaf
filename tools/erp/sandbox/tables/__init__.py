"""The rows of the sandbox company, one file per business area."""
