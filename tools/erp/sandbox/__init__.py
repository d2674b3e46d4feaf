"""The sandbox: a company in one SQLite file, with real bookkeeping rules."""
