"""Readers of other programs' files into traces."""
