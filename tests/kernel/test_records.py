"""Records: appended fields have defaults, other changes are upgraded."""

from __future__ import annotations

from typing import Any

import pytest

from ballroom.kernel.records import Record, decode, encode


class First(Record, frozen=True):
    name: str


class Appended(Record, frozen=True):
    name: str
    size: int = 7


class Renamed(Record, frozen=True):
    version = 2
    name: str
    colour: str

    @classmethod
    def upgrade(cls, version: int, fields: list[Any]) -> list[Any]:
        return [fields[0], "red"]


def test_a_record_is_read_back_as_it_was_written() -> None:
    assert decode(Appended, encode(Appended("a", 3))) == Appended("a", 3)


def test_an_appended_field_takes_its_default_in_older_rows() -> None:
    assert decode(Appended, encode(First("a"))) == Appended("a", 7)


def test_an_older_version_is_upgraded() -> None:
    assert decode(Renamed, encode(First("a"))) == Renamed("a", "red")


def test_a_newer_version_is_refused() -> None:
    with pytest.raises(TypeError, match="newer release"):
        decode(First, encode(Renamed("a", "red")))
