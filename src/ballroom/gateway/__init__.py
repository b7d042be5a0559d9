"""The way in and out: HTTP, routing, signatures, wire protocols."""
