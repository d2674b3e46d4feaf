"""One frozen value a file; values know nothing of the tables that store them."""
