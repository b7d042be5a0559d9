"""Attribute values: what is valid, in which form they are kept, how they compare and how large they are."""
