"""Where `Code.Location` of GetFunction and GetLayerVersion leads: the package as it was uploaded.

The address holds the package's SHA-256, which only those learn who may read the function.
"""

from __future__ import annotations

import re

from ballroom.kernel import BlobRef, Context, HttpRequest, HttpResponse, page

_HASH = re.compile(r"/_ballroom/lambda/code/([0-9a-f]{64})")


@page("GET", "/_ballroom/lambda/code/*", unsigned=True)
async def download(ctx: Context, http: HttpRequest) -> HttpResponse:
    """A deployment package."""
    match = _HASH.fullmatch(http.path)
    ref = BlobRef(match[1], 0) if match is not None else None
    if ref is None or ref not in ctx.kernel.blobs:
        return HttpResponse(404, [("content-type", "text/plain")], b"no such package\n")
    with ctx.kernel.blobs.open(ref) as file:
        size = file.seek(0, 2)
    body = ctx.kernel.blobs.stream(BlobRef(ref.sha256, size))
    return HttpResponse(200, [("content-type", "application/zip")], body)
