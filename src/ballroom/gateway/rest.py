"""Which operation of a REST service a method, path and query name: a trie of path templates per service.

Operations that share method and template differ by what must be present: literal queries in the template
(`?list-type=2`), required query members, required headers (`UploadPart` and `PutObject`, `CopyObject`).
The operation with the most of them present wins.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec


class Candidate(msgspec.Struct, frozen=True):
    """An operation at the end of a template."""

    operation: str
    literals: tuple[tuple[str, str | None], ...]
    """Query parameters the template demands; a value of None takes any."""
    queries: tuple[str, ...]
    headers: tuple[str, ...]
    deprecated: bool

    @property
    def demands(self) -> int:
        """How specific it is."""
        return len(self.literals) + len(self.queries) + len(self.headers)


class _Node:
    __slots__ = ("any", "children", "greedy", "here", "plain", "subresources")

    def __init__(self) -> None:
        self.children: dict[str, _Node] = {}
        self.any: _Node | None = None
        self.greedy: _Node | None = None
        self.here: dict[str, list[Candidate]] = {}
        self.plain: dict[str, list[Candidate]] = {}
        """Those of `here` that a request without a query may mean."""
        self.subresources: frozenset[str] = frozenset()
        """Names in the query (`?acl`) that make a request one for something else, whatever its method."""


class RestIndex:
    """All operations of one service by method and path."""

    def __init__(
        self, operations: Mapping[str, Mapping[str, Any]], shapes: Mapping[str, Mapping[str, Any]]
    ) -> None:
        self._root = _Node()
        for name, raw in operations.items():
            self._add(name, raw, shapes)
        self._sort(self._root)

    def match(self, method: str, path: str, query: str, headers: Mapping[str, str]) -> str | None:
        """The operation's name, or None. `path` and `query` are as sent."""
        nodes = list(_walk(self._root, path.split("/")[1:], 0))
        if not nodes:
            return None
        if not query:  # most requests for objects: dozens of candidates demand one
            for node in nodes:
                for candidate in node.plain.get(method, ()):
                    if not candidate.headers or candidate.headers[0] in headers:
                        return candidate.operation
            return None
        given = _names_of(query)
        for node in nodes:
            # DELETE /bucket?versioning is no operation, and above all not DeleteBucket
            plain = node.subresources.isdisjoint(given)
            for candidate in node.here.get(method, ()):
                if (plain or candidate.literals) and _fits(candidate, given, headers):
                    return candidate.operation
        return None

    def names_subresource(self, path: str, query: str) -> bool:
        """Whether the query makes the request one for something other than what the path names."""
        given = _names_of(query)
        return any(
            not node.subresources.isdisjoint(given) for node in _walk(self._root, path.split("/")[1:], 0)
        )

    def knows_path(self, path: str) -> bool:
        """Whether any operation, of any method, has this path."""
        return next(_walk(self._root, path.split("/")[1:], 0), None) is not None

    def _add(self, name: str, raw: Mapping[str, Any], shapes: Mapping[str, Mapping[str, Any]]) -> None:
        template, _, query = raw["http"]["requestUri"].partition("?")
        node = self._root
        for segment in template.split("/")[1:]:
            if segment.startswith("{") and segment.endswith("+}"):
                node.greedy = node = node.greedy or _Node()
            elif "{" in segment:
                node.any = node = node.any or _Node()
            else:
                node = node.children.setdefault(segment, _Node())
        queries, headers = [], []
        shape = shapes.get(raw.get("input", {}).get("shape", ""), {})
        members = shape.get("members", {})
        for member in shape.get("required", ()):
            place = members[member].get("location")
            wire_name = members[member].get("locationName", member)
            if place == "querystring":
                queries.append(wire_name)
            elif place == "header" and wire_name.lower() == "x-amz-copy-source":
                # the one header that tells operations apart; others are for validation to miss
                headers.append(wire_name.lower())
        literals = []
        for pair in query.split("&") if query else ():
            key, mark, value = pair.partition("=")
            literals.append((key, value if mark and value else None))
        node.here.setdefault(raw["http"]["method"], []).append(
            Candidate(name, tuple(literals), tuple(queries), tuple(headers), bool(raw.get("deprecated")))
        )

    def _sort(self, node: _Node) -> None:
        for candidates in node.here.values():
            candidates.sort(key=lambda c: (-c.demands, c.deprecated))
            if len(candidates) == 1:
                # nothing to tell apart: a missing member is for validation to say
                only = candidates[0]
                candidates[0] = msgspec.structs.replace(only, queries=(), headers=())
        node.subresources = frozenset(
            name
            for candidates in node.here.values()
            for candidate in candidates
            for name, value in candidate.literals
            if value is None
        )
        for method, candidates in node.here.items():
            node.plain[method] = [c for c in candidates if not c.literals and not c.queries]
        for child in (*node.children.values(), node.any, node.greedy):
            if child is not None:
                self._sort(child)


def _walk(node: _Node, segments: list[str], at: int) -> Iterator[_Node]:
    """Nodes that the path ends in, the most literal first."""
    if at == len(segments):
        yield node
        return
    segment = segments[at]
    child = node.children.get(segment)
    if child is not None:
        yield from _walk(child, segments, at + 1)
    if node.any is not None and segment:
        yield from _walk(node.any, segments, at + 1)
    if node.greedy is not None and segments[at:] != [""]:
        yield from _walk_greedy(node.greedy, segments, at)
    if at == len(segments) - 1 and not segment and at > 0:
        yield node  # a slash at the end is forgiven


def _walk_greedy(node: _Node, segments: list[str], at: int) -> Iterator[_Node]:
    if node.children or node.any is not None or node.greedy is not None:
        for end in range(at + 1, len(segments)):
            yield from _walk(node, segments, end)
    yield node


def _names_of(query: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in query.split("&") if query else ():
        name, _, value = pair.partition("=")
        found.setdefault(name, value)
    return found


def _fits(candidate: Candidate, given: Mapping[str, str], headers: Mapping[str, str]) -> bool:
    for name, value in candidate.literals:
        if name not in given or (value is not None and given[name] != value):
            return False
    return all(name in given for name in candidate.queries) and all(
        name in headers for name in candidate.headers
    )
