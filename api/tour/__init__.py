"""The tour: what this is, live, in a minute; one scene each."""
