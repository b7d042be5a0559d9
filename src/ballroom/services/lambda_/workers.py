"""The runtime of one Ballroom: started with it, fed with credentials, its log lines written.

It outlives a failed commit, unlike derived memory: processes are not made anew because a disk was full.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from weakref import WeakKeyDictionary

from ballroom.kernel import Credential, Hold, Kernel, on_start
from ballroom.kernel.arn import find_arn
from ballroom.runtime.runtime import Runtime
from ballroom.runtime.spec import FunctionSpec, Invocation, InvokeResult
from ballroom.services.lambda_.code_store import clean_cache
from ballroom.services.lambda_.function_logs import FunctionLogs

_all: WeakKeyDictionary[Kernel, Workers] = WeakKeyDictionary()


class Workers:
    """Execution environments and what they need from us."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self.logs = FunctionLogs(kernel)
        self._keys: dict[str, str] = {}
        """The access key of each environment."""
        self._roles: dict[str, str] = {}
        """The execution role by spec key: a spec does not carry it."""
        self._runtime: Runtime | None = None
        self._work_dir = Path()
        self._starting: asyncio.Future[Runtime] | None = None

    @classmethod
    def of(cls, kernel: Kernel) -> Workers:
        """Those of a kernel."""
        found = _all.get(kernel)
        if found is None:
            found = _all[kernel] = Workers(kernel)
        return found

    async def start(self) -> Runtime:
        """The runtime. The first call ends what an earlier server has left; no process is started."""
        if self._starting is None:
            self._starting = asyncio.ensure_future(self._start())
        return await self._starting

    async def _start(self) -> Runtime:
        self._work_dir = _work_dir(self._kernel)
        runtime = Runtime(
            work_dir=self._work_dir,
            on_log=self.logs.take,
            credentials_for=self._issue,
            on_environment_end=self._withdraw,
            now_ms=self._kernel.clock.now_ms,
        )
        await runtime.start()
        self._runtime = runtime
        self._kernel.reporters["environments"] = runtime.statistics
        return runtime

    async def stop(self) -> None:
        """End all environments and write what they have said."""
        if self._starting is None:
            return
        runtime = await self._starting
        await runtime.stop(self._kernel.settings.drain_s)
        await self.logs.drain()
        if self._kernel.settings.data_dir is None:
            await asyncio.to_thread(shutil.rmtree, self._work_dir, True)

    async def prepare(self, spec: FunctionSpec) -> None:
        """Warm the interpreter that a function needs."""
        runtime = await self.start()
        await runtime.prepare(spec)

    async def invoke(
        self, spec: FunctionSpec, invocation: Invocation, role: str, hold: Hold
    ) -> InvokeResult:
        """Run an invocation; `hold` is paused while the function waits for us in a call of its own."""
        self._roles[spec.key] = role
        held_by_key = self._kernel.clock.held_by_key
        key = ""

        def begun(environment_id: str) -> None:
            nonlocal key
            key = self._keys.get(environment_id, "")
            held_by_key[key] = hold

        try:
            runtime = self._runtime or await self.start()
            return await runtime.invoke(spec, invocation, begun)
        finally:
            held_by_key.pop(key, None)

    def forget(self, key: str) -> Callable[[], None]:
        """Ends the environments of a key, once called (after a commit)."""
        return lambda: self._runtime.forget(key) if self._runtime is not None else None

    def _issue(self, environment_id: str, spec: FunctionSpec) -> dict[str, str]:
        """Credentials of the execution role for one environment; they die with it, and with this process.

        Source: Developer Guide, "Lambda execution role"; recorded case `test_assume_role`.
        """
        ids, function = self._kernel.ids, find_arn(spec.arn)
        account = function.account if function is not None else self._kernel.settings.account
        role = self._roles.get(spec.key, "")
        access_key, secret, token = f"ASIA{ids.secret_upper(16)}", ids.secret(40), ids.secret(356)
        role_name = role.rpartition("/")[2] or spec.function_name
        self._kernel.credentials.hold(
            access_key,
            Credential(
                secret=secret,
                account=account,
                arn=f"arn:aws:sts::{account}:assumed-role/{role_name}/{spec.function_name}",
                user_id=f"AROA{_stable_id(role or role_name)}:{spec.function_name}",
                session_token=token,
            ),
        )
        self._keys[environment_id] = access_key
        return {
            "AWS_ACCESS_KEY_ID": access_key,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_SESSION_TOKEN": token,
        }

    def _withdraw(self, environment_id: str) -> None:
        access_key = self._keys.pop(environment_id, None)
        if access_key is not None:
            self._kernel.credentials.drop(access_key)


def _stable_id(role: str) -> str:
    """A role id for roles that IAM here does not know: the same for the same role."""
    return base64.b32encode(hashlib.sha256(role.encode()).digest()).decode()[:17]


def _work_dir(kernel: Kernel) -> Path:
    if kernel.settings.data_dir is not None:
        return kernel.settings.data_dir / "runtime"
    return Path(tempfile.mkdtemp(prefix="ballroom-runtime-"))


@on_start
def start_workers(kernel: Kernel) -> None:
    """At start: sweep what an earlier server left before the first delivery goes out.

    A server in memory has left nothing behind: its runtime starts with the first invocation.
    """
    if kernel in _all:
        return  # a failed commit: the environments stay
    workers = Workers.of(kernel)
    clean_cache(kernel)
    if kernel.settings.data_dir is not None:
        kernel.spawn(workers.start(), "start the runtime")
    kernel.on_stop(workers.stop)
