"""Lifecycle rules: what S3 accepts, what they say, and the daily sweep that carries them out."""
