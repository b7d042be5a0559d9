"""Access keys of users: usable for signing from the moment they are answered."""

from __future__ import annotations

from msgspec.structs import replace

from ballroom.kernel import Credential, Request, Response, Tx, operation
from ballroom.kernel.credentials import credential_key, issue, revoke
from ballroom.services.iam.errors import LimitExceeded, NoSuchEntity
from ballroom.services.iam.operations.users import caller_name
from ballroom.services.iam.paging import page
from ballroom.services.iam.resources import (
    AccessKey,
    AccessKeyOwner,
    User,
    arn_of,
    key,
    load_user,
    whole_seconds,
)

_KEYS_PER_USER = 2


def _load(tx: Tx, request: Request) -> tuple[User, AccessKey]:
    key_id = request["AccessKeyId"]
    if "UserName" in request:
        user = load_user(tx, request["UserName"])
    else:
        owner = tx.get(AccessKeyOwner, key(tx, "access-key-owner", key_id))
        user = load_user(tx, owner.user if owner is not None else caller_name(tx, request))
    found = tx.get(AccessKey, key(tx, "access-key", user.name.lower(), key_id))
    if found is None:
        raise NoSuchEntity(f"The Access Key with id {key_id} cannot be found.")
    return user, found


def reissue(tx: Tx, user: User, access_key: AccessKey) -> None:
    """Bring the credential in line with its user's name and the key's status."""
    held = tx.get(Credential, credential_key(access_key.id))
    if held is not None:
        arn = arn_of(tx, "user", user.path, user.name)
        issue(tx, access_key.id, replace(held, arn=arn, active=access_key.active))


@operation("CreateAccessKey")
def create_access_key(tx: Tx, request: Request) -> Response:
    """Make a key for a user; the secret is answered only now.

    Raises:
        LimitExceeded: two are there.

    Source: IAM API Reference, CreateAccessKey.
    """
    user = load_user(tx, caller_name(tx, request))
    there = tx.scan_prefix(AccessKey, key(tx, "access-key", user.name.lower()))
    if len(there) >= _KEYS_PER_USER:
        raise LimitExceeded.quota("AccessKeysPerUser", _KEYS_PER_USER)
    access_key = AccessKey("AKIA" + tx.ids.secret_upper(16), user.name, whole_seconds(tx.now_ms))
    secret = tx.ids.secret(40)
    tx.put(key(tx, "access-key", user.name.lower(), access_key.id), access_key)
    tx.put(key(tx, "access-key-owner", access_key.id), AccessKeyOwner(user.name))
    arn = arn_of(tx, "user", user.path, user.name)
    issue(tx, access_key.id, Credential(secret, tx.account, arn, user.id))
    return {
        "AccessKey": {
            "UserName": user.name, "AccessKeyId": access_key.id, "Status": "Active",
            "SecretAccessKey": secret, "CreateDate": access_key.created_ms,
        }
    }


@operation("ListAccessKeys")
def list_access_keys(tx: Tx, request: Request) -> Response:
    """A user's keys without their secrets.

    Source: IAM API Reference, ListAccessKeys.
    """
    user = load_user(tx, caller_name(tx, request))

    def show(access_key: AccessKey) -> dict[str, object]:
        return {
            "UserName": access_key.user, "AccessKeyId": access_key.id,
            "Status": "Active" if access_key.active else "Inactive",
            "CreateDate": access_key.created_ms,
        }

    return page(tx, request, "AccessKeyMetadata", AccessKey, key(tx, "access-key", user.name.lower()), show)


@operation("UpdateAccessKey")
def update_access_key(tx: Tx, request: Request) -> Response:
    """Switch a key on or off.

    Source: IAM API Reference, UpdateAccessKey.
    """
    user, found = _load(tx, request)
    changed = replace(found, active=request["Status"] == "Active")
    tx.put(key(tx, "access-key", user.name.lower(), found.id), changed)
    reissue(tx, user, changed)
    return {}


@operation("DeleteAccessKey")
def delete_access_key(tx: Tx, request: Request) -> Response:
    """Remove a key; what it signs is refused from now on.

    Source: IAM API Reference, DeleteAccessKey.
    """
    user, found = _load(tx, request)
    tx.delete(key(tx, "access-key", user.name.lower(), found.id))
    tx.delete(key(tx, "access-key-owner", found.id))
    revoke(tx, found.id)
    return {}


@operation("GetAccessKeyLastUsed")
def get_access_key_last_used(tx: Tx, request: Request) -> Response:
    """Whose key it is, and its last use since the server started.

    Source: IAM API Reference, GetAccessKeyLastUsed.
    """
    key_id = request["AccessKeyId"]
    owner = tx.get(AccessKeyOwner, key(tx, "access-key-owner", key_id))
    if owner is None:
        raise NoSuchEntity(f"The Access Key with id {key_id} cannot be found.")
    use = tx.kernel.credentials.last_use(key_id)
    if use is None:
        used: dict[str, object] = {"Region": "N/A", "ServiceName": "N/A"}
    else:
        used = {"LastUsedDate": use.at_ms, "Region": use.region, "ServiceName": use.service}
    return {"UserName": owner.user, "AccessKeyLastUsed": used}
