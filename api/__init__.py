"""The HTTP and command-line surface: the top layer, which nothing below imports."""
