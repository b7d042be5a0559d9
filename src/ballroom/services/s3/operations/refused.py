"""What S3 has and Ballroom does not: refused by name."""

from __future__ import annotations

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.kernel.errors import NotImplementedHere


@operation("SelectObjectContent")
def select_object_content(tx: Tx, request: Request) -> Response:
    """Refused: AWS has closed it to new customers; read the object and filter it, or use Athena's kin."""
    raise NotImplementedHere("Ballroom does not run SQL on objects (SelectObjectContent)")


@operation("RenameObject")
def rename_object(tx: Tx, request: Request) -> Response:
    """Refused as S3 refuses it: only directory buckets rename, and Ballroom has none."""
    raise NotImplementedHere("Only directory buckets rename objects, and Ballroom has none: copy and delete")


@operation("GetObjectTorrent")
def get_object_torrent(tx: Tx, request: Request) -> Response:
    """Refused: S3 no longer distributes objects by BitTorrent."""
    raise NotImplementedHere("Ballroom does not distribute objects by BitTorrent; nor does S3 any longer")
