from __future__ import annotations

import contextlib
import io
import os
import stat
import struct
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.services.lambda_.floor import package

from ballroom.services.lambda_ import packages
from ballroom.services.lambda_.errors import InvalidParameterValue
from ballroom.services.lambda_.packages import BadPackage, folder_sha256, inspect, pack_folder, unpack


def zipped(*entries: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return buffer.getvalue()


def special(name: str, kind: int) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.external_attr = (kind | 0o777) << 16
    return entry


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no zip at all",
        package()[:-10],
        zipped(("../escape.py", b"x")),
        zipped(("a/../../escape.py", b"x")),
        zipped(("/etc/passwd", b"x")),
        zipped(("a\\..\\b", b"x")),
        zipped(("C:evil", b"x")),
        zipped(("x" * 5000, b"x")),
        zipped((special("link", stat.S_IFLNK), b"/etc/passwd")),
        zipped((special("device", stat.S_IFCHR), b"")),
        zipped((special("pipe", stat.S_IFIFO), b"")),
    ],
    ids=[
        "empty", "garbage", "cut off", "parent", "parent inside", "absolute", "backslash", "drive",
        "long name", "link", "device", "pipe",
    ],
)  # fmt: skip
def test_a_hostile_package_is_refused_with_awss_text(data: bytes, tmp_path: Path) -> None:
    for attempt in (lambda: inspect(data), lambda: unpack(data, tmp_path)):
        with pytest.raises(BadPackage) as caught:
            attempt()
        assert caught.value.text == (
            "Could not unzip uploaded file. Please check your file, then try to upload again."
        )
    assert list(tmp_path.iterdir()) == []


def test_an_encrypted_entry_is_refused() -> None:
    data = bytearray(package())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.find(signature) + offset
        data[at] |= 1
    with pytest.raises(BadPackage):
        inspect(bytes(data))


def test_a_package_without_files_is_refused() -> None:
    with pytest.raises(InvalidParameterValue, match="Uploaded file must be a non-empty zip"):
        inspect(zipped())


def test_a_declared_size_beyond_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "UNZIPPED_LIMIT", 1000)
    with pytest.raises(InvalidParameterValue, match="Unzipped size must be smaller than 1000 bytes"):
        inspect(zipped(("big", b"0" * 1001)))


def test_a_real_size_beyond_the_declared_one_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    data = bytearray(zipped(("bomb", b"0" * 100_000)))
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = data.find(signature) + offset
        struct.pack_into("<L", data, at, 10)  # it says 10 bytes
    with pytest.raises(InvalidParameterValue):
        unpack(bytes(data), tmp_path)


def test_entries_that_share_bytes_are_refused() -> None:
    data = bytearray(zipped(("a", os.urandom(5000)), ("b", b"tiny")))
    second = data.rfind(b"PK\x01\x02")
    struct.pack_into("<L", data, second + 20, 5005)  # b's packed size, as large as a's
    with pytest.raises(BadPackage):
        inspect(bytes(data))


def test_too_many_entries_are_refused_before_they_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "_DIRECTORY_LIMIT", 200)
    with pytest.raises(BadPackage):
        inspect(zipped(*((f"f{n}", b"") for n in range(10))))


def test_a_sound_package_is_unpacked_with_its_modes(tmp_path: Path) -> None:
    program = special("bin/run", stat.S_IFREG)
    size = unpack(zipped(("index.py", b"x = 1"), (program, b"#!/bin/sh"), ("empty/", b"")), tmp_path)
    assert size == 14
    assert (tmp_path / "index.py").read_text() == "x = 1"
    assert os.access(tmp_path / "bin" / "run", os.X_OK)
    assert (tmp_path / "empty").is_dir()


def test_packing_a_folder_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "a.py").write_text("a")
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "a.pyc").write_text("compiled")
    first, second = pack_folder(tmp_path), pack_folder(tmp_path)
    assert first == second
    assert zipfile.ZipFile(io.BytesIO(first)).namelist() == ["pkg/a.py"]


def test_the_hash_of_a_folder_changes_with_its_content_and_names(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    one, _ = folder_sha256(tmp_path)
    (tmp_path / "a").write_text("2")
    two, _ = folder_sha256(tmp_path)
    (tmp_path / "a").rename(tmp_path / "b")
    three, _ = folder_sha256(tmp_path)
    assert len({one, two, three}) == 3


@settings(max_examples=60, deadline=None)
@given(at=st.integers(0, 400), bits=st.integers(1, 255))
def test_a_damaged_package_is_refused_or_unpacked_never_anything_else(at: int, bits: int) -> None:
    data = bytearray(package(more="x" * 200))
    data[at % len(data)] ^= bits
    with contextlib.suppress(InvalidParameterValue):
        inspect(bytes(data))
