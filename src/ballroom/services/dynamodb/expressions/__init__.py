"""Expressions: condition, filter, key condition, update and projection, parsed once and compiled to closures."""
