"""The folder that functions see as `/var/runtime`: AWS's bootstrap, boto3 and what they need, nothing else.

Links, not copies: the packages are the ones installed beside Ballroom. A function that forgot to package a
library fails here as it would on AWS, although Ballroom itself may have that library.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
from pathlib import Path

PACKAGES = (
    "awslambdaric",
    "snapshot_restore_py",
    "simplejson",
    "boto3",
    "botocore",
    "s3transfer",
    "jmespath",
    "dateutil",
    "six",
    "urllib3",
)
WORKER_PACKAGE = "_ballroom_worker"
_DISTRIBUTIONS = {"dateutil": "python_dateutil"}


def make_base(work_dir: Path) -> Path:
    """The base folder, made once for each set of installed packages."""
    links = {WORKER_PACKAGE: Path(__file__).parent / "worker"}
    for package in PACKAGES:
        spec = importlib.util.find_spec(package)
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError(f"functions need the package {package}, which is not installed")
        origin = Path(spec.origin)
        source = origin.parent if spec.submodule_search_locations else origin
        links[source.name] = source
        distribution = _DISTRIBUTIONS.get(package, package)
        for info in source.parent.glob(f"{distribution}-*.dist-info"):
            links[info.name] = info
    digest = hashlib.sha256("\n".join(f"{k}={v}" for k, v in sorted(links.items())).encode()).hexdigest()
    base = work_dir / f"base-{digest[:12]}"
    base.mkdir(mode=0o755, parents=True, exist_ok=True)
    for name, target in links.items():
        with contextlib.suppress(FileExistsError):
            os.symlink(target, base / name)
    return base
