"""Long reads, cut into slices: each is a transaction of its own, and other requests run in between."""

from __future__ import annotations

from typing import Protocol

from ballroom.kernel import Context, Response, Tx, Waiting, next_turn

SLICE_ROWS = 250
SLICE_BYTES = 64 * 1024
MOST_SLICES = 400


class Work(Protocol):
    """A read that keeps its place between slices."""

    def step(self, tx: Tx) -> bool:
        """Do one slice; whether all is done."""

    def answer(self) -> Response:
        """What has been found; also when the work was stopped early."""


def run(tx: Tx, work: Work) -> Response | Waiting:
    """Do the first slice at once, as most reads need no second; go on asynchronously if they do.

    After 400 slices the answer is what was found so far, with a token to go on from: no request holds
    on for more than about a second. AWS's clients expect pages that end early.
    """
    if work.step(tx):
        return work.answer()

    async def go_on(ctx: Context) -> Response:
        for _ in range(MOST_SLICES):
            await next_turn()
            if ctx.transact(work.step):
                break
        return work.answer()

    return Waiting(go_on)
