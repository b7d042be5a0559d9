"""Notifications: what buckets may configure, the events, and how they reach their destinations."""
