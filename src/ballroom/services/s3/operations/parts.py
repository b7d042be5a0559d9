"""UploadPart and UploadPartCopy."""

from __future__ import annotations

import msgspec

from ballroom.kernel import ByteStream, Context, Request, Response, Tx, Waiting, operation
from ballroom.services.s3 import checksums, content, encryption, receiving
from ballroom.services.s3.access import open_bucket
from ballroom.services.s3.checksum_request import Announced, announced_by, check_locked
from ballroom.services.s3.copy_source import check_copied_size, load_copy_source
from ballroom.services.s3.errors import InvalidRequest
from ballroom.services.s3.operations.puts import check_size
from ballroom.services.s3.operations.uploads import load_upload
from ballroom.services.s3.ranges import check_part_number, copied_range_of
from ballroom.services.s3.receiving import SMALL, Received
from ballroom.services.s3.resources import Bucket, Part, Upload, part_key, upload_key
from ballroom.services.s3.sending import Segments, SegmentStream


@operation("UploadPart")
def upload_part(tx: Tx, request: Request) -> Response | Waiting:
    """Take in one part; a part of the same number is replaced.

    Source: S3 API Reference, UploadPart.
    """
    stream = receiving.as_stream(request)
    bucket, upload = _open(tx, request)
    encryption.check_part_key(upload.encryption, request)
    announced = _announced(upload, request, stream)
    check_locked(tx, upload.attributes, announced, "Put Part")
    check_size(request)
    if stream.length is not None and stream.length <= SMALL and (data := stream.whole()) is not None:
        received = receiving.receive_whole(data, stream, request, announced)
        return _answer(_keep(tx, bucket, upload, request, received), upload, announced, received)

    async def take_in(ctx: Context) -> Response:
        received = await receiving.receive(ctx.kernel, stream, request, announced)
        part = _keep_received(ctx, request, received)
        return _answer(part, upload, announced, received)

    return Waiting(take_in)


def _open(tx: Tx, request: Request) -> tuple[Bucket, Upload]:
    bucket = open_bucket(tx, request, "PutObject", key=request["Key"])
    check_part_number(request["PartNumber"])
    return bucket, load_upload(tx, bucket, request)


def _announced(upload: Upload, request: Request, stream: ByteStream) -> Announced:
    """The checksum of a part is of the algorithm that the upload was begun with."""
    announced = announced_by(request, stream, upload.algorithm or checksums.DEFAULT)
    announced.is_part = True
    sent = announced.algorithm.lower() if announced.asked else "null"
    if upload.algorithm and (
        announced.algorithm != upload.algorithm or (upload.kind == checksums.COMPOSITE and not announced.asked)
    ):
        raise InvalidRequest(
            "Checksum Type mismatch occurred, expected checksum Type: "
            f"{upload.algorithm.lower()}, actual checksum Type: {sent}"
        )
    return announced


def _keep_received(ctx: Context, request: Request, received: Received) -> Part:
    def keep(tx: Tx) -> Part:
        bucket, upload = _open(tx, request)
        return _keep(tx, bucket, upload, request, received)

    with receiving.given_up_unless_kept(ctx.kernel, received):
        return ctx.transact(keep)


def _keep(tx: Tx, bucket: Bucket, upload: Upload, request: Request, received: Received) -> Part:
    place = part_key(upload.id, request["PartNumber"])
    before = tx.get(Part, place)
    if before is not None:
        content.discard(tx, before.content)
    part = Part(
        request["PartNumber"], encryption.entity_tag(tx, upload.encryption, received.md5), tx.now_ms,
        content.store(tx, received), received.checksum if upload.algorithm else None, received.crc64,
    )  # fmt: skip
    tx.put(place, part)
    tx.put(
        upload_key(bucket, upload.key, upload.id),
        msgspec.structs.replace(
            upload, uploaded=upload.uploaded + 1, held=upload.held + (1 if before is None else 0)
        ),
    )
    return part


def _answer(part: Part, upload: Upload, announced: Announced, received: Received) -> Response:
    response: Response = {"ETag": f'"{part.etag}"'}
    if announced.asked or upload.algorithm:
        response[received.checksum.member] = received.checksum.value
    encryption.tell(upload.encryption, response)
    return response


@operation("UploadPartCopy")
async def upload_part_copy(ctx: Context, request: Request) -> Response:
    """A part from an object, all of it or a range.

    Source: S3 API Reference, UploadPartCopy.
    """

    def find(tx: Tx) -> tuple[Segments, Upload, str]:
        _, upload = _open(tx, request)
        encryption.check_part_key(upload.encryption, request)
        source = load_copy_source(tx, request).version
        start, stop = 0, source.size
        if "CopySourceRange" in request:
            start, stop = copied_range_of(request["CopySourceRange"], source.size)
        check_copied_size(stop - start)
        found = Segments(tx.kernel, content.segments(tx, source.content, start, stop))
        return found, upload, source.version_id

    segments, upload, source_version = ctx.transact(find)
    announced = Announced(None, upload.algorithm or checksums.DEFAULT, is_part=True, asked=False)
    stream = SegmentStream(segments)
    try:
        if segments.length <= SMALL:
            data = b"".join([piece async for piece in segments])
            received = receiving.receive_whole(data, stream, {}, announced)
        else:
            received = await receiving.receive(ctx.kernel, stream, {}, announced)
    finally:
        await segments.aclose()
    part = _keep_received(ctx, request, received)
    result: Response = {"ETag": f'"{part.etag}"', "LastModified": part.modified_ms}
    if part.checksum is not None:
        result[part.checksum.member] = part.checksum.value
    response: Response = {"CopyPartResult": result}
    encryption.tell(upload.encryption, response)
    if source_version != "null":
        response["CopySourceVersionId"] = source_version
    return response
