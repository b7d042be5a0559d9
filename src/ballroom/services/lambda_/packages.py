"""Deployment packages: hostile zip files are refused, sound ones are unpacked; folders are packed.

Pure file work, meant for a worker thread: it knows neither the store nor requests. A package that
passes `inspect` holds only plain files and folders, inside its own root, of bounded number and size.
"""

from __future__ import annotations

import base64
import hashlib
import io
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from ballroom.services.lambda_.errors import InvalidParameterValue

UNZIPPED_LIMIT = 262_144_000  # bytes; AWS's 250 MB, layers included
ENTRIES_LIMIT = 100_000
_DIRECTORY_LIMIT = 32 << 20  # bytes of central directory, before anything is built from it
_EPOCH = (1980, 1, 1, 0, 0, 0)  # packing the same files gives the same bytes
_CHUNK = 1 << 20
_UNREADABLE = (
    zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError,
    FileExistsError, IsADirectoryError, NotADirectoryError,  # a file where another entry wants a folder
)  # fmt: skip
_NOT_CODE = frozenset(
    ("__pycache__", ".git", ".venv", ".aws-sam", ".pytest_cache", ".mypy_cache", ".ruff_cache")
)


class BadPackage(InvalidParameterValue):
    """The upload is no zip file that can be unpacked safely."""

    text = "Could not unzip uploaded file. Please check your file, then try to upload again."


def code_sha256(data: bytes) -> str:
    """The hash of a package as Lambda shows it: SHA-256 in base 64."""
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def inspect(data: bytes) -> int:
    """The unpacked size in bytes that a package declares, once nothing in it is hostile.

    Refused: encrypted entries, links and devices, absolute paths and paths with `..`, entries that
    share bytes (a small file that unpacks to petabytes), more than 100,000 entries or 250 MB.

    Raises:
        BadPackage: with AWS's text for what it cannot unpack.
        InvalidParameterValue: empty, or larger than AWS allows unpacked.

    Source: Developer Guide, "Lambda quotas"; recorded answers of CreateFunction.
    """
    with _opened(data) as package:
        return _declared_size(package, len(data))


def unpack(data: bytes, root: Path) -> int:
    """Writes the package's files below `root`, which must exist; answers the bytes written.

    The real size is counted while it grows: what an entry declares is the sender's claim.
    """
    with _opened(data) as package:
        _declared_size(package, len(data))
        written = 0
        for entry in package.infolist():
            target = root / _safe_path(entry)
            try:
                if entry.is_dir():
                    target.mkdir(parents=True, exist_ok=True)
                    continue
                target.parent.mkdir(parents=True, exist_ok=True)
                written += _write_entry(package, entry, target, UNZIPPED_LIMIT - written)
            except _UNREADABLE as error:
                raise BadPackage() from error
        return written


def pack_folder(root: Path) -> bytes:
    """The folder's files as a zip file, the same bytes for the same files.

    Left out: what is never code (`__pycache__`, `.git`, virtual environments, tools' caches).
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as package:
        size = 0
        for path in code_files(root):
            entry = zipfile.ZipInfo(path.relative_to(root).as_posix(), date_time=_EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (stat.S_IFREG | (0o755 if os.access(path, os.X_OK) else 0o644)) << 16
            content = path.read_bytes()
            size += len(content)
            if size > UNZIPPED_LIMIT:
                raise _too_large()
            package.writestr(entry, content)
    return buffer.getvalue()


def folder_sha256(root: Path) -> tuple[str, int]:
    """A hash of the folder's names and contents in Lambda's form, and the bytes they hold."""
    digest, size = hashlib.sha256(), 0
    for path in code_files(root):
        content = path.read_bytes()
        size += len(content)
        digest.update(f"{path.relative_to(root).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return base64.b64encode(digest.digest()).decode(), size


def code_files(root: Path) -> Iterator[Path]:
    """The plain files below `root` that count as code, in a fixed order."""
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in _NOT_CODE)
        for name in sorted(names):
            path = Path(folder, name)
            if path.is_file():
                yield path


def _opened(data: bytes) -> zipfile.ZipFile:
    if _central_directory_size(data) > _DIRECTORY_LIMIT:
        raise BadPackage()
    try:
        return zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, ValueError, struct.error, OverflowError, NotImplementedError) as error:
        raise BadPackage() from error


def _central_directory_size(data: bytes) -> int:
    """What the end record declares; read first, because the library builds an object for each entry."""
    end = data.rfind(b"PK\x05\x06", max(0, len(data) - 65_557))
    if end < 0 or len(data) - end < 22:
        raise BadPackage()
    size = int(struct.unpack_from("<L", data, end + 12)[0])
    locator = end - 20
    if size == 0xFFFFFFFF and locator >= 56 and data[locator : locator + 4] == b"PK\x06\x07":
        size = int(struct.unpack_from("<Q", data, locator - 56 + 40)[0])
    return size


def _declared_size(package: zipfile.ZipFile, length: int) -> int:
    entries = package.infolist()
    if len(entries) > ENTRIES_LIMIT:
        raise BadPackage()
    if not any(not entry.is_dir() for entry in entries):
        raise InvalidParameterValue("Uploaded file must be a non-empty zip")
    declared = packed = 0
    for entry in entries:
        _safe_path(entry)
        declared += entry.file_size
        packed += entry.compress_size
    if packed > length:
        raise BadPackage()  # entries that overlap
    if declared > UNZIPPED_LIMIT:
        raise _too_large()
    return declared


def _safe_path(entry: zipfile.ZipInfo) -> PurePosixPath:
    """The entry's path inside the package; refuses every way out of it."""
    name = entry.orig_filename
    path = PurePosixPath(name)
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if (
        not path.parts
        or path.is_absolute()
        or ".." in path.parts
        or "\\" in name
        or "\0" in name
        or (len(name) > 1 and name[1] == ":")
        or len(name) > 4096
        or any(len(part.encode(errors="surrogatepass")) > 255 for part in path.parts)
        or kind not in (0, stat.S_IFREG, stat.S_IFDIR)
        or entry.flag_bits & 0x1
    ):
        raise BadPackage()
    return path


def _write_entry(package: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, room: int) -> int:
    mode = stat.S_IMODE(entry.external_attr >> 16) & 0o777 or 0o644
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    written = 0
    with os.fdopen(descriptor, "wb") as sink, package.open(entry) as source:
        while chunk := source.read(_CHUNK):
            written += len(chunk)
            if written > room:
                raise _too_large()
            sink.write(chunk)
    target.chmod(mode | 0o444)
    return written


def _too_large() -> InvalidParameterValue:
    return InvalidParameterValue(f"Unzipped size must be smaller than {UNZIPPED_LIMIT} bytes")
