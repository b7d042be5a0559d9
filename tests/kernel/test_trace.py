"""What led to something, and what it caused."""

from __future__ import annotations

from typing import Any

from ballroom.kernel.lineage import mark_of, once_more, read_rounds, with_rounds
from ballroom.kernel.trace import Span, Trace, parent_of


def span(id: str, parent: str = "", operation: str = "op") -> Span:
    return Span(id, parent, "service", operation, "1", "r", 0, 0, "ok")


def ids(spans: list[dict[str, Any]]) -> list[Any]:
    return [(s["id"], ids(s["caused"])) if "caused" in s else s["id"] for s in spans]


def told(*spans: Span, of: str) -> dict[str, Any] | None:
    trace = Trace()
    for one in spans:
        trace.record(one)
    return trace.story(of)


def test_a_story_has_what_came_before_and_all_that_came_of_it() -> None:
    story = told(span("r"), span("e", "r"), span("a", "e"), span("b", "e"), span("c", "b"), span("x"), of="e")
    assert story is not None
    assert ids(story["causes"]) == ["r"]
    assert ids(story["spans"]) == [("e", ["a", ("b", ["c"])])]


def test_an_unknown_id_has_no_story() -> None:
    assert told(span("r"), of="x") is None


def test_a_span_that_fell_out_still_has_what_it_caused() -> None:
    story = told(span("a", "gone"), of="gone")
    assert story is not None
    assert ids(story["spans"]) == ["a"]


def test_circles_and_crowds_end() -> None:
    story = told(span("a", "b"), span("b", "a"), span("a", "a"), of="a")
    assert story is not None
    crowd = told(span("a"), *(span(f"s{n}", "a") for n in range(3000)), of="a")
    assert crowd is not None
    assert crowd["cut"]
    assert len(crowd["spans"][0]["caused"]) < 1001


def test_the_parent_in_a_trace_header() -> None:
    assert parent_of("Root=1-2-3;Parent=abc;Sampled=1") == "abc"
    assert parent_of("Root=1-2-3") == parent_of(None) == ""


def test_rounds_travel_in_the_trace_header() -> None:
    rounds = once_more(once_more({}, mark_of("arn:a")), mark_of("arn:a"))
    header = with_rounds("Root=1-2-3;Parent=abc", once_more(rounds, mark_of("arn:b")))
    assert header is not None
    assert sorted(read_rounds(header).values()) == [1, 2]
    assert with_rounds(header, rounds).count("Lineage=") == 1  # type: ignore[union-attr]
    assert read_rounds("Lineage=;x") == read_rounds("Lineage=zz:1|12345678:x|:|") == {}
    many: dict[str, int] = {}
    for n in range(100):
        many = once_more(many, mark_of(f"arn:{n}"))
    assert len(many) == 16
