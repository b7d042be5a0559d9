"""Lists against a sorted model: prefixes, delimiters, markers, pages, versions; and what a page costs."""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.cloud import Cloud
from tests.services.s3.shelf import a_bucket, put

from ballroom.services.s3 import listing

_numbers = itertools.count()
KEYS = st.text(st.sampled_from("ab/\x00é\U0001f600\U0010ffff "), min_size=1, max_size=6)
DELIMITERS = st.sampled_from(["", "/", "a", "b/", "\U0001f600"])
PREFIXES = st.text(st.sampled_from("ab/\U0001f600"), max_size=3)


class Model(NamedTuple):
    """The lines that a list of all keys would have."""

    keys: list[str]
    prefix: str
    delimiter: str

    def lines(self, after: str) -> list[str]:
        shown: list[str] = []
        for key in sorted(self.keys, key=lambda k: k.encode()):
            if not key.startswith(self.prefix) or key <= after:
                continue
            rest = key[len(self.prefix) :]
            head, found, _ = rest.partition(self.delimiter) if self.delimiter else (rest, "", "")
            line = self.prefix + head + found
            if (found and after.startswith(line)) or line in shown:
                continue
            shown.append(line)
        return shown


@pytest.fixture(scope="module")
def shelf() -> Any:
    made = Cloud()
    yield made
    made.close()


def reading(rows: int) -> Any:
    """Lists read so many rows at once."""
    return mock.patch.object(listing, "_LARGEST_BATCH", rows)


BATCHES = st.sampled_from([3, 256])
"""Batches that end in the midst of anything, and ones that hold everything."""


def names(answer: dict[str, Any]) -> list[str]:
    found = [line["Key"] for line in answer.get("Contents", [])]
    found += [line["Prefix"] for line in answer.get("CommonPrefixes", [])]
    return sorted(found, key=lambda n: n.encode())


@settings(max_examples=150, deadline=None)
@given(st.sets(KEYS, max_size=25), PREFIXES, DELIMITERS, st.one_of(st.just(""), KEYS), st.integers(1, 7), BATCHES)
def test_pages_are_the_models(
    shelf: Cloud, keys: set[str], prefix: str, delimiter: str, after: str, limit: int, batch: int
) -> None:
    bucket = a_bucket(shelf, f"list-{next(_numbers)}")
    for key in keys:
        put(shelf, key, bucket=bucket)
    expected = Model(list(keys), prefix, delimiter).lines(after)
    asked: dict[str, Any] = {"Bucket": bucket, "MaxKeys": limit, "Prefix": prefix}
    if delimiter:
        asked["Delimiter"] = delimiter
    found: list[str] = []
    token: dict[str, Any] = {"StartAfter": after} if after else {}
    while True:
        with reading(batch):
            page = shelf.call("s3", "ListObjectsV2", **asked, **token)
        assert page["KeyCount"] == len(names(page)) <= limit
        found += names(page)
        if not page["IsTruncated"]:
            break
        token = {"ContinuationToken": page["NextContinuationToken"]}
    assert found == expected
    found, marker = [], after
    while True:
        with reading(batch):
            page = shelf.call("s3", "ListObjects", **asked, Marker=marker)
        found += names(page)
        if not page["IsTruncated"]:
            break
        marker = page.get("NextMarker") or names(page)[-1]
    assert found == expected


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["a", "b", "a/c", "b/d", "b/e"]), st.booleans()), max_size=20),
    st.integers(0, 20), st.integers(1, 5), st.sampled_from(["", "/"]), BATCHES,
)  # fmt: skip
def test_versions_are_the_models(
    shelf: Cloud, writes: list[tuple[str, bool]], suspended_from: int, limit: int, delimiter: str,
    batch: int,
) -> None:  # fmt: skip
    bucket = a_bucket(shelf, f"versions-{next(_numbers)}", versioned=True)
    kept: dict[str, list[tuple[str, bool]]] = {}  # newest first
    for n, (key, deletes) in enumerate(writes):
        if n == suspended_from:
            shelf.call(
                "s3", "PutBucketVersioning", Bucket=bucket, VersioningConfiguration={"Status": "Suspended"}
            )
        if deletes:
            version = shelf.call("s3", "DeleteObject", Bucket=bucket, Key=key)["VersionId"]
        else:
            version = put(shelf, key, bucket=bucket).get("VersionId", "null")
        history = [line for line in kept.get(key, []) if line[0] != version]  # there is one null version
        kept[key] = [(version, deletes), *history]
    expected = [
        (key, version, marker, at == 0)
        for key in sorted(kept)
        for at, (version, marker) in enumerate(kept[key])
        if not delimiter or "/" not in key
    ]
    prefixes = sorted({key[: key.index("/") + 1] for key in kept if delimiter and "/" in key})
    found, found_prefixes, more = [], [], {}
    while True:
        with reading(batch):
            page = shelf.call(
                "s3", "ListObjectVersions", Bucket=bucket, MaxKeys=limit, Delimiter=delimiter, **more
            )
        lines = [(line, False) for line in page.get("Versions", [])]
        lines += [(line, True) for line in page.get("DeleteMarkers", [])]
        assert len(lines) + len(page.get("CommonPrefixes", [])) <= limit
        found += [(line["Key"], line["VersionId"], marker, line["IsLatest"]) for line, marker in lines]
        found_prefixes += [line["Prefix"] for line in page.get("CommonPrefixes", [])]
        if not page["IsTruncated"]:
            break
        more = {"KeyMarker": page["NextKeyMarker"]}
        if "NextVersionIdMarker" in page:
            more["VersionIdMarker"] = page["NextVersionIdMarker"]
    assert sorted(found) == sorted(expected)
    assert found_prefixes == prefixes
    live = [key for key in sorted(kept) if not kept[key][0][1]]
    assert names(shelf.call("s3", "ListObjectsV2", Bucket=bucket)) == live


def rows_read(cloud: Cloud, **asked: Any) -> int:
    """How many rows a list looks at."""
    return sum(scans(cloud, **asked))


def scans(cloud: Cloud, **asked: Any) -> list[int]:
    """How many rows each of the scans of a list finds."""
    shard = cloud.kernel.shard
    scan, read = shard.scan, []

    def counting(*args: Any) -> Any:
        rows = scan(*args)
        read.append(len(rows))
        return rows

    shard.scan = counting  # type: ignore[method-assign]
    try:
        cloud.call("s3", "ListObjectsV2", Bucket="shelf", **asked)
    finally:
        shard.scan = scan  # type: ignore[method-assign]
    return read


def test_a_page_costs_what_it_shows(cloud: Cloud) -> None:
    a_bucket(cloud, versioned=True)
    for n in range(3000):
        put(cloud, f"{n % 30:02}/{n:05}", b"")
    assert rows_read(cloud, MaxKeys=100) < 400
    assert rows_read(cloud, MaxKeys=100, StartAfter="15/") < 400
    assert rows_read(cloud, Delimiter="/") < 600  # 30 prefixes of 100 keys each
    for n in range(2000):
        cloud.call("s3", "DeleteObject", Bucket="shelf", Key=f"{n % 30:02}/{n:05}")
    assert rows_read(cloud, MaxKeys=100) < 400  # delete markers are not in the way


def test_a_page_of_prefixes_reads_few_rows_of_large_ones_and_many_at_once_of_small_ones(cloud: Cloud) -> None:
    a_bucket(cloud)
    for n in range(900):
        put(cloud, f"small{n:03}/only", b"")
    for n in range(1200):
        put(cloud, f"large{n // 60:02}/{n:04}", b"")
    small, large = scans(cloud, Delimiter="/", Prefix="small"), scans(cloud, Delimiter="/", Prefix="large")
    assert (len(small) < 10, sum(small) < 1000) == (True, True)
    assert sum(large) < 256 + 60  # the first batch, then one row of each, and some in vain
    both = cloud.call("s3", "ListObjectsV2", Bucket="shelf", Delimiter="/")["CommonPrefixes"]
    assert [one["Prefix"] for one in both] == [
        *(f"large{n:02}/" for n in range(20)), *(f"small{n:03}/" for n in range(900))
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"ContinuationToken": "?"}, "InvalidArgument"),
        ({"ContinuationToken": ""}, "InvalidArgument"),
        ({"MaxKeys": -1}, "InvalidArgument"),
        ({"EncodingType": "other"}, "InvalidArgument"),
    ],
)
def test_what_makes_no_sense_is_refused(cloud: Cloud, given: dict[str, Any], code: str) -> None:
    a_bucket(cloud)
    assert cloud.error("s3", "ListObjectsV2", Bucket="shelf", **given).shape == code


def test_no_keys_are_asked_for(cloud: Cloud) -> None:
    a_bucket(cloud)
    put(cloud, "k")
    answer = cloud.call("s3", "ListObjectsV2", Bucket="shelf", MaxKeys=0)
    assert (answer["KeyCount"], answer["IsTruncated"]) == (0, False)
