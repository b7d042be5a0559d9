"""A function's code on its way in (zip, S3, a folder of this machine) and on its way to a worker.

Packages are kept as blobs; workers need files, so packages are unpacked below a cache folder, once for
each content, in a thread. The cache can be thrown away at any time. It belongs to one boot of the
machine: what a power failure left half written is never run.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from ballroom.kernel import BlobRef, Context, Kernel, ServiceError, Tx
from ballroom.kernel.errors import NotImplementedHere
from ballroom.services.lambda_ import packages
from ballroom.services.lambda_.errors import InvalidParameterValue
from ballroom.services.lambda_.resources import Code, LayerUse

LOCAL_BUCKET = "ballroom-local"
"""`S3Bucket` that stands for this machine's own folders; `S3Key` is then an absolute path, and
`S3ObjectVersion`, if given, that of a folder of installed dependencies, laid out like a layer."""
DIRECT_LIMIT = 70_167_211  # bytes of a request with a package inside, base 64


async def receive_code(ctx: Context, source: dict[str, Any]) -> Code:
    """Takes in a function's or layer's code; a package is durable, and held until a row links it.

    Raises:
        InvalidParameterValue: no code, unsafe code, or nothing under the S3 key.

    Source: Lambda API Reference, FunctionCode; Developer Guide, "Lambda quotas".
    """
    _check_source(source)
    if "ZipFile" in source:
        return await _keep_package(ctx.kernel, source["ZipFile"])
    if source["S3Bucket"] == LOCAL_BUCKET:
        return await _use_folder(ctx.kernel, source["S3Key"], source.get("S3ObjectVersion", ""))
    return await _keep_package(ctx.kernel, await _from_s3(ctx, source))


async def freeze_code(kernel: Kernel, code: Code) -> Code:
    """What a published version runs: code used in place is copied, so that later edits leave it alone."""
    if not code.folder:
        return code
    folder = Path(code.folder)
    shown, _ = await asyncio.to_thread(packages.folder_sha256, folder)
    package = await _keep_package(kernel, await asyncio.to_thread(packages.pack_folder, folder))
    # the hash is the folder's, to be compared with it; dependencies are never changed once installed
    return msgspec.structs.replace(package, sha256=shown, libraries=code.libraries)


def link_code(tx: Tx, code: Code | LayerUse) -> None:
    """Counts a row that refers to the code's blob."""
    if code.blob:
        tx.link_blob(BlobRef(code.blob, code.size_bytes))


def unlink_code(tx: Tx, code: Code | LayerUse) -> None:
    """Counts one row less."""
    if code.blob:
        tx.unlink_blob(BlobRef(code.blob, code.size_bytes))


@contextmanager
def held_code(kernel: Kernel, *codes: Code) -> Iterator[None]:
    """Within it rows are linked to what `receive_code` and `freeze_code` took in; a failure lets go of it."""
    try:
        yield
    except BaseException:
        for code in codes:
            drop_code(kernel, code)
        raise


def drop_code(kernel: Kernel, code: Code) -> None:
    """Nobody will refer to what was taken in."""
    if code.blob:
        kernel.blobs.release(BlobRef(code.blob, code.size_bytes))


def _check_source(source: dict[str, Any]) -> None:
    if source.get("ImageUri"):
        raise InvalidParameterValue(
            "Please don't provide ImageUri when creating a function with packageType Zip."
        )
    if source.get("SourceKMSKeyArn"):
        raise NotImplementedHere("Ballroom does not encrypt packages with KMS: SourceKMSKeyArn is refused")
    if source.get("S3ObjectStorageMode", "COPY") != "COPY":
        raise NotImplementedHere("Ballroom copies packages out of S3: S3ObjectStorageMode REFERENCE is refused")
    if "ZipFile" in source:
        if "S3Bucket" in source or "S3Key" in source or "S3ObjectVersion" in source:
            raise InvalidParameterValue(
                "Please do not provide other FunctionCode parameters when providing a ZipFile."
            )
    elif not source.get("S3Bucket") or not source.get("S3Key"):
        raise InvalidParameterValue("Please provide a source for function code.")


async def _keep_package(kernel: Kernel, data: bytes) -> Code:
    def check_and_keep() -> tuple[int, str, BlobRef]:
        unzipped = packages.inspect(data)
        return unzipped, packages.code_sha256(data), kernel.blobs.put_bytes(data)

    unzipped, shown, ref = await asyncio.to_thread(check_and_keep)
    return Code(sha256=shown, size_bytes=len(data), blob=ref.sha256, unzipped_bytes=unzipped)


async def _use_folder(kernel: Kernel, path: str, libraries: str) -> Code:
    if not kernel.settings.local_code_allowed:
        raise InvalidParameterValue(
            f"Code in a local folder (S3Bucket {LOCAL_BUCKET}) is allowed only where Ballroom is bound to "
            "loopback, or with its setting local_code."
        )
    folder = Path(path)
    for named in filter(None, (path, libraries)):
        if not Path(named).is_absolute() or not await asyncio.to_thread(Path(named).is_dir):
            raise InvalidParameterValue(f"{named} is not the absolute path of a folder of this machine.")
    shown, size = await asyncio.to_thread(packages.folder_sha256, folder)
    return Code(
        sha256=shown, size_bytes=size, folder=str(folder), unzipped_bytes=size, libraries=libraries
    )


async def _from_s3(ctx: Context, source: dict[str, Any]) -> bytes:
    request = {"Bucket": source["S3Bucket"], "Key": source["S3Key"]}
    if source.get("S3ObjectVersion"):
        request["VersionId"] = source["S3ObjectVersion"]
    try:
        answer = await ctx.call("s3", "GetObject", request)
    except ServiceError as error:
        raise InvalidParameterValue(
            f"Error occurred while GetObject. S3 Error Code: {error.shape}. S3 Error Message: {error.text}"
        ) from error
    body = answer["Body"]
    if isinstance(body, bytes):
        return body
    data = bytearray()
    async for chunk in body:
        data += chunk
        if len(data) > packages.UNZIPPED_LIMIT:
            raise InvalidParameterValue(
                f"Unzipped size must be smaller than {packages.UNZIPPED_LIMIT} bytes"
            )
    return bytes(data)


class CodeCache:
    """Unpacked packages by content; lives as long as the kernel's derived memory."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._ready: dict[str, Path] = {}
        self._under_way: dict[str, asyncio.Future[Path]] = {}
        self.root = _cache_root(kernel)

    def find(self, code: Code | LayerUse) -> Path | None:
        """Where the code lies unpacked, if it does."""
        if isinstance(code, Code) and code.folder:
            return Path(code.folder)
        return self._ready.get(code.blob)

    async def ensure(self, code: Code | LayerUse) -> Path:
        """Where the code lies unpacked; unpacks it first if need be, once however many wait."""
        found = self.find(code)
        if found is not None:
            return found
        pending = self._under_way.get(code.blob)
        if pending is None:
            ref = BlobRef(code.blob, code.size_bytes)
            pending = asyncio.ensure_future(asyncio.to_thread(self._unpack, ref))
            self._under_way[code.blob] = pending
            pending.add_done_callback(lambda done: self._finish(code.blob, done))
        return await asyncio.shield(pending)

    def _finish(self, blob: str, done: asyncio.Future[Path]) -> None:
        self._under_way.pop(blob, None)
        if not done.cancelled() and done.exception() is None:
            self._ready[blob] = done.result()

    def _unpack(self, ref: BlobRef) -> Path:
        target = self.root / ref.sha256
        if target.is_dir():
            return target
        self.root.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f"{ref.sha256[:16]}-", dir=self.root))
        try:
            packages.unpack(self._kernel.blobs.read(ref), draft)
            draft.chmod(0o755)
            draft.rename(target)
        except OSError:
            shutil.rmtree(draft, ignore_errors=True)
            if not target.is_dir():  # another server of this folder was faster
                raise
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
        return target


def clean_cache(kernel: Kernel) -> None:
    """Removes what earlier boots of the machine have unpacked, and code that no function has any more."""
    if kernel.settings.data_dir is None:
        root = _cache_root(kernel)

        async def drop() -> None:
            await asyncio.to_thread(shutil.rmtree, root, True)

        kernel.on_stop(drop)
        return
    folder, own = kernel.settings.data_dir / "cache" / "lambda", _boot_id()

    def sweep() -> None:
        for old in folder.iterdir() if folder.is_dir() else ():
            if old.name != own:
                shutil.rmtree(old, ignore_errors=True)
        for code in (folder / own).iterdir() if (folder / own).is_dir() else ():
            if len(code.name) != 64 or BlobRef(code.name, 0) not in kernel.blobs:
                shutil.rmtree(code, ignore_errors=True)

    async def in_thread() -> None:
        await asyncio.to_thread(sweep)

    kernel.spawn(in_thread(), "clean the code cache")


def _cache_root(kernel: Kernel) -> Path:
    if kernel.settings.data_dir is None:
        return Path(tempfile.gettempdir(), f"ballroom-code-{os.getpid()}-{id(kernel):x}")
    return kernel.settings.data_dir / "cache" / "lambda" / _boot_id()


def _boot_id() -> str:
    """Names this boot of the machine; where the system does not tell, this process."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return f"process-{os.getpid()}"


