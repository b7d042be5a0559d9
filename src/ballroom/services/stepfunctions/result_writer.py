"""Writing the results of a distributed Map to S3: files of what succeeded and failed, and a manifest.

Source: Developer Guide, "ResultWriter (Map)".
"""

from __future__ import annotations

from typing import Any

import orjson

from ballroom.kernel import Context, ServiceError, Tx

from .engine.execution import time_text
from .map_runs import ChildResult, MapRun, child_result_key

_FILE_BYTES = 8 << 20
_AT_ONCE = 500


class WriterFailed(Exception):
    """The results cannot be written; the text is the cause."""


def _rows(tx: Tx, id: int, after: int) -> list[tuple[int, ChildResult]]:
    prefix = child_result_key(id, 0)[:-1]
    start = (*prefix, after) if after >= 0 else None
    found = tx.scan_prefix_items(ChildResult, prefix, after=start, limit=_AT_ONCE)
    return [(int(key[-1]), row) for key, row in found]


def _shown(run: MapRun, row: ChildResult, config: dict[str, Any]) -> Any:
    transformation = config.get("Transformation", "NONE")
    if transformation != "NONE" and row.status == "SUCCEEDED":
        return orjson.loads(row.output or "null")
    shown: dict[str, Any] = {
        "ExecutionArn": row.arn, "Input": row.input, "InputDetails": {"Included": True}, "Name": row.name,
        "StartDate": time_text(row.started_ms), "Status": row.status, "StopDate": time_text(row.stopped_ms),
        "StateMachineArn": run.arn.replace(":mapRun:", ":stateMachine:").rpartition(":")[0],
    }  # fmt: skip
    if row.output is not None:
        shown |= {"Output": row.output, "OutputDetails": {"Included": True}}
    if row.error is not None:
        shown["Error"] = row.error
    if row.cause is not None:
        shown["Cause"] = row.cause
    return shown


class _Files:
    """The result files of one kind (`SUCCEEDED`, `FAILED`, `PENDING`)."""

    def __init__(self, put: Any, folder: str, kind: str, lines: bool) -> None:
        self._put, self._folder, self._kind, self._lines = put, folder, kind, lines
        self._parts: list[bytes] = []
        self._size = 0
        self.written: list[dict[str, Any]] = []

    async def add(self, value: Any) -> None:
        part = orjson.dumps(value)
        self._parts.append(part)
        self._size += len(part) + 1
        if self._size >= _FILE_BYTES:
            await self.close()

    async def close(self) -> None:
        if not self._parts:
            return
        body = b"\n".join(self._parts) + b"\n" if self._lines else b"[" + b",".join(self._parts) + b"]"
        name = f"{self._folder}/{self._kind}_{len(self.written)}.{'jsonl' if self._lines else 'json'}"
        self._parts, self._size = [], 0
        await self._put(name, body)
        self.written.append({"Key": name, "Size": len(body)})


async def write(
    ctx: Context, caller: Context, run: MapRun, parameters: dict[str, Any], config: dict[str, Any]
) -> tuple[Any, int]:
    """Write everything; what the Map's result is, and how many results were written.

    Raises:
        WriterFailed: S3 refused.
    """
    bucket, prefix = parameters.get("Bucket"), parameters.get("Prefix", "")
    if not isinstance(bucket, str) or not isinstance(prefix, str):
        raise WriterFailed("The ResultWriter names no bucket")
    folder = "/".join(part for part in (prefix.strip("/"), run.arn.rpartition(":")[2]) if part)
    lines = config.get("OutputType", "JSON") == "JSONL"

    async def put(name: str, body: bytes) -> None:
        try:
            await caller.call(
                "s3", "PutObject",
                {"Bucket": bucket, "Key": name, "Body": body, "ContentType": "application/json"},
            )  # fmt: skip
        except ServiceError as error:
            raise WriterFailed(error.text or error.shape) from error

    succeeded, failed = _Files(put, folder, "SUCCEEDED", lines), _Files(put, folder, "FAILED", lines)
    count, after = 0, -1
    while rows := ctx.transact(_rows, run.id, after):
        for index, row in rows:
            after = index
            count += 1
            shown = _shown(run, row, config)
            if row.status != "SUCCEEDED":
                await failed.add(shown)
            elif config.get("Transformation") == "FLATTEN" and isinstance(shown, list):
                for one in shown:
                    await succeeded.add(one)
            else:
                await succeeded.add(shown)
    await succeeded.close()
    await failed.close()
    manifest = {
        "DestinationBucket": bucket, "MapRunArn": run.arn,
        "ResultFiles": {"FAILED": failed.written, "PENDING": [], "SUCCEEDED": succeeded.written},
    }  # fmt: skip
    await put(f"{folder}/manifest.json", orjson.dumps(manifest))
    return (
        {
            "MapRunArn": run.arn,
            "ResultWriterDetails": {"Bucket": bucket, "Key": f"{folder}/manifest.json"},
        },
        count,
    )
