"""backup, restore, reset, clock."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import write_app
from tests.cli.runner import Cli


def queues(cli: Cli) -> list[str]:
    return [url.rsplit("/", 1)[1] for url in cli.client("sqs").list_queues().get("QueueUrls", [])]


def test_a_backup_taken_while_serving_is_restored_elsewhere(cli: Cli) -> None:
    server = cli.serve()
    folder = write_app(cli.cwd / "app")
    cli("deploy", folder)
    sqs = cli.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="kept")
    answer = cli("backup", "b.tar.gz", "--json").json
    assert answer["path"] == str(cli.cwd / "b.tar.gz")
    assert (cli.cwd / "b.tar.gz").stat().st_mode & 0o777 == 0o600
    sqs.send_message(QueueUrl=url, MessageBody="later")
    server.signal()
    elsewhere = cli.home / "elsewhere"
    restored = cli("restore", "b.tar.gz", "--data", elsewhere, "--json").json
    assert restored == {"data": str(elsewhere), "sequence": answer["sequence"], "blobs": answer["blobs"]}
    cli.serve(BALLROOM_DATA_DIR=str(elsewhere))
    received = cli.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10)
    assert [message["Body"] for message in received["Messages"]] == ["kept"]
    assert '"word": "hello"' in cli("invoke", "speaker").out


def test_a_server_in_memory_is_backed_up_too(cli: Cli) -> None:
    server = cli.serve("--memory")
    cli.client("sqs").create_queue(QueueName="q")
    cli("backup", "b.tar")
    server.signal()
    cli("restore", "b.tar")
    cli.serve()
    assert queues(cli) == ["q"]


def test_a_backup_never_overwrites_and_needs_a_folder(served: Cli) -> None:
    (served.cwd / "there.tar").write_text("precious")
    assert "exists; a backup never overwrites" in served("backup", "there.tar", code=1).err
    assert (served.cwd / "there.tar").read_text() == "precious"
    assert "cannot be written" in served("backup", "no/such/folder/b.tar", code=1).err


@pytest.fixture
def backed_up(cli: Cli) -> Cli:
    """A data directory with the queue `old`, and `b.tar` with the queue `new`."""
    server = cli.serve()
    cli.client("sqs").create_queue(QueueName="new")
    cli("backup", "b.tar")
    cli.client("sqs").create_queue(QueueName="old")
    server.signal()
    return cli


def test_restore_refuses_a_directory_with_data_unless_told_to_replace_it(backed_up: Cli) -> None:
    assert "a restore never overwrites" in backed_up("restore", "b.tar", code=1).err
    said = backed_up("restore", "b.tar", "--replace").out
    assert said == f"Restored {backed_up.data}; start it with: ballroom serve --data {backed_up.data}\n"
    backed_up.serve()
    assert queues(backed_up) == ["new"]
    assert not list(backed_up.home.glob("data.*"))


@pytest.mark.parametrize("damage", ["cut", "flipped", "no archive", "gone"])
def test_a_damaged_archive_leaves_the_directory_as_it_is(backed_up: Cli, damage: str) -> None:
    archive = backed_up.cwd / "b.tar"
    content = bytearray(archive.read_bytes())
    if damage == "cut":
        archive.write_bytes(content[: len(content) // 2])
    elif damage == "flipped":
        start = content.index(b"SQLite format 3")
        content[start + 4096 : start + 8192] = b"\xff" * 4096
        archive.write_bytes(content)
    elif damage == "no archive":
        archive.write_text("hello")
    else:
        archive.unlink()
    refused = backed_up("restore", "b.tar", "--replace", code=1)
    assert refused.err.startswith("ballroom: ")
    assert refused.err.count("\n") == 1
    assert sorted(p.name for p in backed_up.home.glob("data*")) == ["data"]
    backed_up.serve()
    assert queues(backed_up) == ["new", "old"]


def test_a_directory_in_use_is_not_replaced(backed_up: Cli) -> None:
    backed_up.serve()
    assert "is in use by another Ballroom" in backed_up("restore", "b.tar", "--replace", code=1).err
    assert queues(backed_up) == ["new", "old"]


def test_a_directory_that_is_not_ours_is_not_replaced(cli: Cli) -> None:
    cli.data.mkdir()
    (cli.data / "thesis.doc").write_text("years of work")
    (cli.cwd / "b.tar").write_text("")
    assert "not a data directory" in cli("restore", "b.tar", "--replace", code=1).err
    assert (cli.data / "thesis.doc").exists()


def test_what_an_interrupted_replacement_left_is_not_thrown_away(backed_up: Cli) -> None:
    aside = Path(f"{backed_up.data}.replaced")
    backed_up.data.rename(aside)
    assert (
        f"{aside} is what an interrupted replacement left"
        in backed_up("restore", "b.tar", "--replace", code=1).err
    )
    assert (aside / "store.sqlite").exists()


def test_reset_deletes_everything_and_the_server_goes_on(cli: Cli) -> None:
    server = cli.serve()
    write_app(cli.cwd / "app")
    cli("deploy", "app")
    assert '"word": "hello"' in cli("invoke", "speaker").out
    cli.client("sqs").create_queue(QueueName="q")
    assert cli("reset", "--yes", "--json").json["deletedRows"] > 10
    assert queues(cli) == []
    assert "Function not found" in cli("invoke", "speaker", code=1).err
    assert cli.client("logs").describe_log_groups()["logGroups"] == []
    assert not [p for p in (cli.data / "blobs").rglob("*") if p.is_file()]
    cli("deploy", "app", "-p", "Word=again")
    assert '"word": "again"' in cli("invoke", "speaker").out
    server.signal()
    cli.serve()
    assert '"word": "again"' in cli("invoke", "speaker").out


def test_reset_asks_first(cli: Cli) -> None:
    cli.serve("--memory")
    cli.client("sqs").create_queue(QueueName="q")
    asked = cli("reset", input="n\n", code=130)
    assert "Delete everything" in asked.err
    assert queues(cli) == ["q"]
    cli("reset", input="y\n")
    assert queues(cli) == []


def test_the_clock_is_shown_and_moved(served: Cli) -> None:
    before = served("clock", "--json").json
    assert (before["virtual"], before["frozen"]) == (True, True)
    after = served("clock", "--advance", "30d", "--json").json
    assert after["now"] - before["now"] == 30 * 86_400_000
    assert served("clock", "--auto-skip", "--json").json["autoSkip"] is True
    assert served("clock", "--no-auto-skip", "--run", "--json").json["frozen"] is False
    assert "frozen: True" in served("clock", "--freeze").out


def test_a_real_clock_is_not_moved(cli: Cli) -> None:
    cli.serve("--memory")
    assert "start it with --clock virtual" in cli("clock", "--advance", "1d", code=1).err
