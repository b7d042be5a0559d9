"""Lifecycle rules: what S3 accepts (`validation`), what they say (`rules`), and the daily sweep that acts (`sweep`)."""
