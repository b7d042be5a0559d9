"""Items that expire by an attribute (TTL): when they are due, and how they are deleted."""
