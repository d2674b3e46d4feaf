"""Tryton, a real ERP, as a business system: spoken to over its RPC, a server in a process of its own (it is GPL, we are not)."""
