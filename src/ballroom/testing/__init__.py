"""Ballroom inside a test run: a pytest plugin, and `BallroomServer` for every other runner."""

from typing import Any

__all__ = ["BallroomServer"]


def __getattr__(name: str) -> Any:
    # lazily: pytest imports this package in every run of a project that has Ballroom installed
    if name == "BallroomServer":
        from ballroom.testing.embedded import BallroomServer

        return BallroomServer
    raise AttributeError(name)
