"""Institutional knowledge: what people asked for in mails and tickets, and what was then written into the business system."""
