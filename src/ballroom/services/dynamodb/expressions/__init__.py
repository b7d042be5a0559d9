"""Expressions: conditions, filters, updates and projections, parsed once and compiled to closures."""
