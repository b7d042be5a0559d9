"""How often something has been round: counts of rounds through a resource, carried in the trace header.

`Root=...;Parent=...;Lineage=6f1a2b3c:4|0d5e6f7a:1` says that this is the fourth time round through one
resource and the first through another. Clients pass the header on as it is, so loops through functions
and queues are seen too, as far as they forward it.

Source: Lambda Developer Guide, "Recursive loop detection" (it counts in the X-Ray tracing header).
"""

from __future__ import annotations

import zlib

MOST_ROUNDS = 16
"""Times that something may go round through one resource."""
_MOST_RESOURCES = 16
_FIELD = "Lineage="

Rounds = dict[str, int]


def mark_of(resource: str) -> str:
    """How a resource is called in a lineage."""
    return f"{zlib.crc32(resource.encode()):08x}"


def read_rounds(trace: str | None) -> Rounds:
    """The rounds that a trace header tells of; damaged parts are left out."""
    rounds: Rounds = {}
    if trace is None or _FIELD not in trace:
        return rounds
    text = trace.partition(_FIELD)[2].partition(";")[0]
    for part in text.split("|")[:_MOST_RESOURCES]:
        mark, _, count = part.partition(":")
        if len(mark) == 8 and count.isascii() and count.isdigit() and len(count) < 6:
            rounds[mark] = int(count)
    return rounds


def once_more(rounds: Rounds, mark: str) -> Rounds:
    """The rounds after one more through a marked resource; of many the least visited are forgotten."""
    if not rounds:
        return {mark: 1}
    after = {**rounds, mark: rounds.get(mark, 0) + 1}
    if len(after) > _MOST_RESOURCES:
        least = min((m for m in after if m != mark), key=after.__getitem__)
        del after[least]
    return after


def with_rounds(trace: str | None, rounds: Rounds) -> str | None:
    """The trace header that tells of `rounds`."""
    if not rounds:
        return trace
    parts = [part for part in (trace or "").split(";") if part and not part.strip().startswith(_FIELD)]
    parts.append(_FIELD + "|".join(f"{mark}:{count}" for mark, count in rounds.items()))
    return ";".join(parts)
