"""Filters between harvest and dataset: each a pure function from examples to kept and dropped-with-reason."""
