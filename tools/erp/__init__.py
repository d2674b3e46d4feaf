"""Business systems: toolsets for ERP and CRM work."""
