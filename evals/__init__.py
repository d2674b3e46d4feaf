"""How good a caller is: scorers, intervals, summaries, failure classes and reports, from cases and predictions."""
