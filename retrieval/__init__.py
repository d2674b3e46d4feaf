"""Knowledge that changes: embedding texts, and (later) ingesting and searching documents."""
