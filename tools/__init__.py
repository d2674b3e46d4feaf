"""What agents can do: toolsets, mentions, and (in `erp/`) business systems."""
