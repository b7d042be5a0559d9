"""kill -9 under writes of every size: each acknowledged object is there and whole, and nothing is partial."""

from __future__ import annotations

import hashlib
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from tests.server import ServerProcess

KILLS = 4
SIZES = [0, 900, 30_000, 70_000, 400_000, 3_000_000]
GONE = (BotoCoreError, ClientError)


class Ledger:
    """What was acknowledged under each key, and what may have been written besides."""

    def __init__(self) -> None:
        self.acknowledged: dict[str, str] = {}
        self.possible: dict[str, set[str]] = {}

    def begin(self, key: str, digest: str) -> None:
        self.possible.setdefault(key, set()).add(digest)

    def done(self, key: str, digest: str) -> None:
        self.acknowledged[key] = digest
        self.possible[key] = set()


def content(chance: random.Random) -> bytes:
    size = chance.choice(SIZES)
    return chance.randbytes(size) if chance.random() < 0.7 else b"the same" * (size // 8)


def write(server: ServerProcess, ledger: Ledger, worker: int, seed: int, over: threading.Event) -> None:
    """Put, replace, delete and upload in parts under keys of one's own, until the server is gone."""
    chance = random.Random(seed)
    s3 = server.client("s3")
    with suppress(*GONE):
        while not over.is_set():
            key, body = f"{worker}/{chance.randrange(8)}", content(chance)
            digest = hashlib.sha256(body).hexdigest()
            kind = chance.random()
            if kind < 0.1:
                ledger.begin(key, "")
                s3.delete_object(Bucket="shelf", Key=key)
                ledger.done(key, "")
            elif kind < 0.25:
                upload = s3.create_multipart_upload(Bucket="shelf", Key=key)["UploadId"]
                given: dict[str, Any] = {"Bucket": "shelf", "Key": key, "UploadId": upload}
                part = s3.upload_part(**given, PartNumber=1, Body=body)
                ledger.begin(key, digest)
                parts = [{"PartNumber": 1, "ETag": part["ETag"]}]
                s3.complete_multipart_upload(**given, MultipartUpload={"Parts": parts})
                ledger.done(key, digest)
            else:
                ledger.begin(key, digest)
                s3.put_object(Bucket="shelf", Key=key, Body=body)
                ledger.done(key, digest)


def check(server: ServerProcess, ledger: Ledger) -> None:
    s3 = server.client("s3")
    listed = {line["Key"] for line in s3.list_objects_v2(Bucket="shelf").get("Contents", [])}
    for key in ledger.possible:
        found = ""
        if key in listed:
            found = hashlib.sha256(s3.get_object(Bucket="shelf", Key=key)["Body"].read()).hexdigest()
        last = ledger.acknowledged.get(key, "")
        assert found in {last, *ledger.possible[key]}, f"{key} holds what nobody wrote last"
        ledger.done(key, found)


def test_every_acknowledged_object_survives_kill_9(tmp_path: Path) -> None:
    ledger = Ledger()
    chance = random.Random(7)
    with ServerProcess(tmp_path) as server:
        server.client("s3").create_bucket(Bucket="shelf")
        for round in range(KILLS):
            over = threading.Event()
            with ThreadPoolExecutor(4) as pool:
                for worker in range(4):
                    pool.submit(write, server, ledger, worker, 100 * round + worker, over)
                time.sleep(0.5 + chance.random())  # real time: another process is under load
                server.kill()
                over.set()
            server.start()
            check(server, ledger)
        assert len(ledger.acknowledged) > 20
        assert not list((tmp_path / "blobs" / ".incoming").iterdir()), "what was cut off is swept"
