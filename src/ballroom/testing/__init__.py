"""Ballroom inside a test run: a pytest plugin, and `BallroomServer` for every other runner."""

from ballroom.testing.embedded import BallroomServer

__all__ = ["BallroomServer"]
