"""The owner's access key: made at first start, kept in the data directory, shown by `ballroom env`."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from ballroom.kernel.credentials import Credential
from ballroom.kernel.errors import AlreadyRefused
from ballroom.kernel.kernel import Kernel

log = logging.getLogger("ballroom.auth")


def hold_root_key(kernel: Kernel, *, enforcing: bool) -> str | None:
    """Accept the root key; returns its id. A server in memory has one only where keys are demanded.

    Raises:
        AlreadyRefused: the file is there but holds no key.
    """
    settings = kernel.settings
    if settings.data_dir is not None:
        key_id, secret = _read_or_make(settings.data_dir / "root-key", kernel)
    elif enforcing:
        key_id, secret = _new(kernel)
        # it is stored nowhere, so this line is the only way to it, and it ends with the process
        shown = f"AWS_ACCESS_KEY_ID={key_id} AWS_SECRET_ACCESS_KEY={secret}"
        log.warning("the root key of this server in memory: %s", shown)
    else:
        return None
    arn = f"arn:aws:iam::{settings.account}:root"
    kernel.credentials.hold(key_id, Credential(secret, settings.account, arn, settings.account))
    return key_id


def _new(kernel: Kernel) -> tuple[str, str]:
    return f"AKIA{kernel.ids.secret_upper(16)}", kernel.ids.secret(40)


def _read_or_make(path: Path, kernel: Kernel) -> tuple[str, str]:
    try:
        words = path.read_text("ascii").split()
    except FileNotFoundError:
        pass
    except (OSError, UnicodeDecodeError) as error:
        raise AlreadyRefused(f"the root key in {path} cannot be read: {error}") from error
    else:
        if len(words) != 2:
            raise AlreadyRefused(f"{path} holds no key; remove it, and a new one is made")
        return words[0], words[1]
    key_id, secret = _new(kernel)
    draft = path.with_name("root-key.new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="ascii") as file:
        file.write(f"{key_id}\n{secret}\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    return key_id, secret
