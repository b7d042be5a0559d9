"""Ballroom: the serverless cloud you own."""

__version__ = "0.1.0"
