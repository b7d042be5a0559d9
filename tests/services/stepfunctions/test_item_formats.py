"""Objects as items: however their bytes are cut, whatever they hold, items or a failure that says why."""

from __future__ import annotations

import csv
import gzip
import io
import json
from contextlib import suppress
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballroom.services.stepfunctions.item_formats import MOST_LINE, ReaderFailed, Unpacked, format_of

FIRST_ROW = {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"}
GIVEN = {"InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": ["a", "b", "c"]}
LINES = {"InputType": "JSONL"}
JSON = {"InputType": "JSON"}


def items(config: dict[str, Any], *pieces: bytes) -> list[Any]:
    format, unpacked = format_of(config), Unpacked()
    found = [item for piece in pieces for part in unpacked.feed(piece) for item in format.feed(part)]
    found += format.feed(unpacked.end())
    return [*found, *format.end()]


@pytest.mark.parametrize(
    ("config", "content", "expected"),
    [
        (JSON, b"[1, {}]", [1, {}]),
        (JSON | {"ItemsPointer": "/a~1b/0"}, b'{"a/b": [[7]]}', [7]),
        (LINES, b'{"a": 1}\r\n\n2', [{"a": 1}, 2]),
        (FIRST_ROW, b'\xef\xbb\xbfb,a\n1,"x, ""y""\nz"\n', [{"a": 'x, "y"\nz', "b": "1"}]),
        (FIRST_ROW, b'a\n5" disk\n6" disk\n', [{"a": '5" disk'}, {"a": '6" disk'}]),
        (FIRST_ROW, b"a,b\n1,2,3\n\n4\n", [{"a": "1", "b": "2"}, {"a": "4", "b": ""}]),
        (GIVEN | {"CSVDelimiter": "TAB"}, b"1\t2\t3", [{"a": "1", "b": "2", "c": "3"}]),
        (FIRST_ROW, b"", []),
        (LINES, gzip.compress(b"1\n", mtime=0) + gzip.compress(b"2\n", mtime=0), [1, 2]),
    ],
)
def test_items_of_an_object(config: dict[str, Any], content: bytes, expected: list[Any]) -> None:
    assert items(config, content) == expected
    assert items(config, *(content[at : at + 1] for at in range(len(content)))) == expected


@pytest.mark.parametrize(
    ("config", "content", "cause"),
    [
        (JSON, b'{"a": 1}', "Attempting to map over non-iterable node."),
        (JSON, b"[1", "The object is no JSON: "),
        (JSON | {"ItemsPointer": "/a/1"}, b'{"a": [1]}', "The ItemsPointer '/a/1' does not refer to anything."),
        (LINES, b"1\nx\n", "Line 2 is no JSON: "),
        (LINES, b"1" * (MOST_LINE + 1), "The object has a line of more than "),
        (FIRST_ROW, b"\xff\n", "The object is not UTF-8 text: "),
        (FIRST_ROW, b'a\n"' + b"x\n" * MOST_LINE, "The object has a row of more than "),
        (FIRST_ROW, b"a" * 20_000 + b"\n", "The header is larger than "),
        (LINES, b"\x1f\x8bnothing", "The object cannot be unpacked: "),
        ({"InputType": "PARQUET"}, b"PAR1", "Ballroom does not read items of the type PARQUET."),
    ],
)
def test_what_cannot_be_read_says_why(config: dict[str, Any], content: bytes, cause: str) -> None:
    with pytest.raises(ReaderFailed) as failed:
        items(config, content)
    assert str(failed.value).startswith(cause)


CELL = st.sampled_from(["", "a", "b c", ",", '"', 'x"y', '""', "\n", "two\nlines", "é"])


@given(st.lists(st.lists(CELL, min_size=3, max_size=3), max_size=6), st.lists(st.integers(0, 99), max_size=4))
def test_rows_are_what_was_written_however_they_are_cut(rows: list[list[str]], cuts: list[int]) -> None:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    content = text.getvalue().encode()
    at = [0, *sorted(cut for cut in cuts if cut < len(content)), len(content)]
    pieces = [content[start:end] for start, end in pairwise(at)]
    assert items(GIVEN, *pieces) == [dict(zip("abc", row, strict=True)) for row in rows]


@given(st.sampled_from([JSON, LINES, FIRST_ROW, GIVEN]), st.binary(max_size=200))
def test_any_bytes_give_items_or_a_failure(config: dict[str, Any], content: bytes) -> None:
    with suppress(ReaderFailed):
        json.dumps(items(config, content))
