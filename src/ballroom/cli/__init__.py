"""The `ballroom` command: thin, it talks to a running Ballroom over HTTP (or becomes the server)."""
