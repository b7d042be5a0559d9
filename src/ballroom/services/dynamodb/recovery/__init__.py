"""Getting a table back: the log of changes, copies as of a moment, backups, restored tables."""
