"""The data directory: one owner, a known format, and nothing of others touched."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ballroom.kernel.errors import AlreadyRefused
from ballroom.kernel.store.directory import FORMAT, RESERVE_BYTES, DataDirectory

HOLD = """
import sys, signal
from pathlib import Path
from ballroom.kernel.store.directory import DataDirectory
directory = DataDirectory(Path(sys.argv[1]))
print("open", flush=True)
signal.pause()
"""


def test_a_new_directory_is_made_for_its_owner_only(tmp_path: Path) -> None:
    directory = DataDirectory(tmp_path / "a" / "data")
    assert directory.path.stat().st_mode & 0o777 == 0o700
    assert (directory.path / "format").read_text() == f"{FORMAT}\n"
    assert directory.tmp.is_dir()
    directory.close()


def test_an_existing_empty_directory_is_taken_over_and_closed_to_others(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o755)
    DataDirectory(tmp_path / "data").close()
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700


def test_a_second_process_is_told_who_holds_it_and_gets_it_after_a_kill(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "data")], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    try:
        assert holder.stdout.readline() == "open\n"
        with pytest.raises(AlreadyRefused) as refusal:
            DataDirectory(tmp_path / "data")
        assert f"in use by another Ballroom (process {holder.pid})" in str(refusal.value)
        assert "\n" not in str(refusal.value)
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        holder.stdout.close()
    DataDirectory(tmp_path / "data").close()


def test_it_can_be_opened_again_after_close(tmp_path: Path) -> None:
    for _ in range(2):
        directory = DataDirectory(tmp_path)
        directory.close()
        directory.close()


def test_a_newer_format_is_refused_in_one_line_and_left_alone(tmp_path: Path) -> None:
    DataDirectory(tmp_path).close()
    (tmp_path / "format").write_text(f"{FORMAT + 1}\n")
    before = sorted(os.listdir(tmp_path))
    with pytest.raises(AlreadyRefused, match=f"newer release of Ballroom .format {FORMAT + 1};") as refusal:
        DataDirectory(tmp_path)
    assert "\n" not in str(refusal.value)
    assert sorted(os.listdir(tmp_path)) == before


def test_an_older_format_is_brought_up_step_by_step(tmp_path: Path) -> None:
    DataDirectory(tmp_path).close()
    (tmp_path / "format").write_text("1\n")
    seen = []
    steps = {n: lambda directory, n=n: seen.append((n, directory.path)) for n in (1, 2, 3)}
    DataDirectory(tmp_path, format=4, steps=steps).close()
    assert seen == [(1, tmp_path), (2, tmp_path), (3, tmp_path)]
    assert (tmp_path / "format").read_text() == "4\n"


def test_a_step_that_fails_is_repeated_at_the_next_start(tmp_path: Path) -> None:
    DataDirectory(tmp_path, format=1).close()
    seen = []

    def fail(_: DataDirectory) -> None:
        raise AlreadyRefused("no room")

    with pytest.raises(AlreadyRefused, match="no room"):
        DataDirectory(tmp_path, format=3, steps={1: lambda _: seen.append(1), 2: fail})
    DataDirectory(tmp_path, format=3, steps={1: fail, 2: lambda _: seen.append(2)}).close()
    assert seen == [1, 2]


def test_a_format_too_old_is_refused(tmp_path: Path) -> None:
    DataDirectory(tmp_path).close()
    (tmp_path / "format").write_text("0\n")
    with pytest.raises(AlreadyRefused, match="can no longer read"):
        DataDirectory(tmp_path)


@pytest.mark.parametrize("content", [b"", b"one\n", b"\xff\xfe", b"-1"])
def test_a_damaged_format_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "format").write_bytes(content)
    with pytest.raises(AlreadyRefused, match="damaged"):
        DataDirectory(tmp_path)


def test_somebody_elses_folder_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(AlreadyRefused, match="not a data directory"):
        DataDirectory(tmp_path)
    assert "format" not in os.listdir(tmp_path)


def test_a_crash_before_the_format_was_written_does_not_matter(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("123\n")
    (tmp_path / "format.new").write_text("")
    DataDirectory(tmp_path).close()
    assert (tmp_path / "format").read_text() == f"{FORMAT}\n"


def test_a_file_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(AlreadyRefused, match="cannot be used as a data directory"):
        DataDirectory(tmp_path / "file")


def test_tmp_is_emptied_without_following_links(tmp_path: Path) -> None:
    DataDirectory(tmp_path / "data").close()
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").write_text("mine")
    tmp = tmp_path / "data" / "tmp"
    (tmp / "link").symlink_to(tmp_path / "outside")
    (tmp / "folder").mkdir()
    (tmp / "folder" / "file").write_text("")
    DataDirectory(tmp_path / "data").close()
    assert os.listdir(tmp) == []
    assert (tmp_path / "outside" / "file").read_text() == "mine"


def test_a_full_disk_gives_the_reserve_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = DataDirectory(tmp_path / "data")
    assert not directory.give_up_reserve()
    directory.keep_reserve()
    reserve = directory.path / "reserve"
    assert reserve.stat().st_blocks * 512 >= RESERVE_BYTES
    directory.make_room()
    assert reserve.exists(), "there is other room"
    full = os.statvfs_result((4096, 4096, 1000, 3, 3, 100, 100, 100, 0, 255))
    monkeypatch.setattr(os, "statvfs", lambda path: full)
    directory.make_room()
    assert not reserve.exists()
    directory.make_room()
    directory.close()


def test_a_reserve_that_finds_no_room_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(self: Path, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "no space")

    directory = DataDirectory(tmp_path / "data")
    monkeypatch.setattr(Path, "write_bytes", no_room)
    directory.keep_reserve()
    assert not directory.give_up_reserve()
    directory.close()
