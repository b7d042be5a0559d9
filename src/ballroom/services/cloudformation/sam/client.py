"""Starts the helper process when it is needed, keeps it warm for a while, and ends it.

Its limits are real time: they guard a process, not the product's time.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from typing import Any

from ballroom.kernel import Kernel

from ..errors import ValidationError
from . import helper
from .helper import SAM

TRANSFORM_LIMIT_S = 60
IDLE_S = 120
ANSWER_BYTES = 32 << 20


class SamHelper:
    """The helper of one Ballroom; requests take turns."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()
        self._used = asyncio.Event()
        kernel.on_stop(self.end)

    async def transform(
        self, template: dict[str, Any], parameters: dict[str, Any], region: str
    ) -> dict[str, Any]:
        """The template with its serverless resources translated.

        Raises:
            ValidationError: the translator refuses it, with AWS's text.
        """
        request = {"template": template, "parameters": parameters, "region": region}
        async with self._turn:
            answer = await self._ask(json.dumps(request).encode() + b"\n")
        if "error" in answer:
            raise ValidationError(f"Transform {SAM} failed with: {answer['error']}")
        transformed: dict[str, Any] = answer["template"]
        return transformed

    async def _ask(self, request: bytes) -> dict[str, Any]:
        process = await self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            async with asyncio.timeout(TRANSFORM_LIMIT_S):
                process.stdin.write(request)
                await process.stdin.drain()
                line = await process.stdout.readline()
            answer: dict[str, Any] = json.loads(line)
        except TimeoutError:
            await self.end()
            return {"error": f"it took longer than {TRANSFORM_LIMIT_S} seconds"}
        except (ValueError, OSError):
            await self.end()
            return {"error": "the translator ended unexpectedly"}
        except asyncio.CancelledError:
            await self.end()  # its answer would be taken for the next request's
            raise
        return answer

    async def _running(self) -> asyncio.subprocess.Process:
        self._used.set()
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, helper.__file__,
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL, limit=ANSWER_BYTES, start_new_session=True,
            )  # fmt: skip
            self._kernel.spawn(self._end_when_idle(self._process), "cloudformation: idle helper")
        return self._process

    async def _end_when_idle(self, process: asyncio.subprocess.Process) -> None:
        while self._process is process:
            self._used.clear()
            try:
                await asyncio.wait_for(self._used.wait(), IDLE_S)
            except TimeoutError:
                if not self._turn.locked():
                    await self.end()
                    return

    async def end(self) -> None:
        """End the process, if one runs."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        if process.stdin is not None:
            process.stdin.close()
        await process.wait()
