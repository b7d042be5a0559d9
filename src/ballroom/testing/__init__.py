"""Ballroom inside a test run: a pytest plugin, and `BallroomServer` for every other runner."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ballroom.cli.deploy import BuildFailed, DeployFailed
    from ballroom.testing.embedded import BallroomServer

__all__ = ["BallroomServer", "BuildFailed", "DeployFailed"]


def __getattr__(name: str) -> Any:
    # lazily: pytest imports this package in every run of a project that has Ballroom installed
    if name == "BallroomServer":
        from ballroom.testing.embedded import BallroomServer

        return BallroomServer
    if name in ("BuildFailed", "DeployFailed"):
        from ballroom.cli import deploy

        return getattr(deploy, name)
    raise AttributeError(name)
