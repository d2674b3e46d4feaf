"""One file per group of routes; `api/app.py` puts them together."""
