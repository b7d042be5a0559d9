from __future__ import annotations


async def call_destination(ctx, pending, target) -> None:
    raise NotImplementedError
