"""Pages for people, rendered by the server; they load nothing from elsewhere."""
