"""The seed: a company with 18 months of history, the same on every machine."""
