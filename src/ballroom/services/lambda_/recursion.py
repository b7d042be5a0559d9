"""Loops through functions: a function that causes itself is stopped after 16 rounds.

The rounds are counted in the trace header, which functions pass on with every call of an AWS SDK, and
which queues keep with their messages. A loop is seen as far as that header travels.

Source: Developer Guide, "Use Lambda recursive loop detection to prevent infinite loops".
"""

from __future__ import annotations

import logging

from ballroom.kernel import Kernel
from ballroom.kernel.lineage import MOST_ROUNDS, mark_of, once_more, read_rounds, with_rounds
from ballroom.services.lambda_.names import FunctionName

log = logging.getLogger("ballroom.lambda")


def rounds_so_far(at: FunctionName, trace: str | None) -> int:
    """How often what carries this trace header has been through the function."""
    return read_rounds(trace).get(mark_of(at.arn), 0)


def one_round_more(kernel: Kernel, at: FunctionName, trace: str | None) -> str | None:
    """The trace header for the next round through the function."""
    if trace is None:
        trace = f"Root={kernel.ids.trace_root(kernel.clock.now_ms())}"
    return with_rounds(trace, once_more(read_rounds(trace), mark_of(at.arn)))


def is_loop(at: FunctionName, trace: str | None) -> bool:
    """Whether another round would be one too many; says so in the log."""
    rounds = rounds_so_far(at, trace)
    if rounds < MOST_ROUNDS:
        return False
    log.warning("%s has caused itself %d times: the loop is stopped", at.arn, rounds)
    return True
