"""Tags of buckets and objects: how they are written, and which S3 refuses. Pure.

Source: S3 User Guide, "Categorizing your storage using tags"; recorded answers.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote_plus
from xml.parsers import expat

from ballroom.services.s3.errors import InvalidArgument, MalformedXml, S3Error, named

MOST_OBJECT_TAGS = 10
MOST_BUCKET_TAGS = 50
_TEXT = re.compile(r"[\w\s+\-=.:/@]*")


def read(
    tags: list[dict[str, Any]] | None, *, of_object: bool, by_system: bool = False
) -> dict[str, str]:
    """A tag set as a mapping in its order; only the system (CloudFormation) may give `aws:` tags.

    Raises:
        S3Error: MalformedXML, InvalidTag or BadRequest.
    """
    found: dict[str, str] = {}
    for tag in tags or ():
        if tag.get("Key") is None or tag.get("Value") is None:
            raise MalformedXml()
        name, value = tag["Key"], tag["Value"]
        if name in found:
            raise invalid("Cannot provide multiple Tags with the same key", TagKey=name)
        if not (by_system and name.startswith("aws:")):
            _check(name, value, of_object=of_object)
        found[name] = value
    if of_object and len(found) > MOST_OBJECT_TAGS:
        raise named("BadRequest", "Object tags cannot be greater than 10")
    if len(found) > MOST_BUCKET_TAGS:
        raise named("BadRequest", "Bucket tag count cannot be greater than 50")
    return found


def _check(name: str, value: str, *, of_object: bool) -> None:
    if name.lower().startswith("aws:"):
        text = (
            "Your TagKey cannot be prefixed with aws:"
            if of_object
            else "System tags cannot be added/updated by requester"
        )
        raise invalid(text, TagKey=name)
    if not 1 <= len(name) <= 128 or _TEXT.fullmatch(name) is None:
        raise invalid("The TagKey you have provided is invalid", TagKey=name)
    if len(value) > 256 or _TEXT.fullmatch(value) is None:
        raise invalid("The TagValue you have provided is invalid", TagKey=name, TagValue=value)


def read_header(header: str) -> dict[str, str]:
    """The tags of `x-amz-tagging`, encoded like a query string.

    Raises:
        InvalidArgument: it cannot be read. BadRequest, InvalidTag: as for a tag set.
    """
    if not header:
        return {}
    tags = []
    for pair in header.split("&"):
        name, _, value = pair.partition("=")
        name, value = unquote_plus(name), unquote_plus(value)
        if not name:
            raise InvalidArgument(
                "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters "
                "without tag name duplicates.",
                ArgumentName="x-amz-tagging", ArgumentValue=header[:1024],
            )  # fmt: skip
        tags.append({"Key": name, "Value": value})
    if len({tag["Key"] for tag in tags}) != len(tags):
        raise InvalidArgument(
            "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without "
            "tag name duplicates.",
            ArgumentName="x-amz-tagging", ArgumentValue=header[:1024],
        )  # fmt: skip
    return read(tags, of_object=True)


def written(tags: dict[str, str]) -> list[dict[str, str]]:
    """The tag set that answers show."""
    return [{"Key": name, "Value": value} for name, value in tags.items()]


def invalid(text: str, **fields: Any) -> S3Error:
    """A tag that S3 refuses."""
    return named("InvalidTag", text, **fields)


def of_write(request: dict[str, Any], copied: dict[str, str]) -> dict[str, str]:
    """The tags that a write gives its object; a copy takes its source's unless told to replace them."""
    header = request.get("Tagging")
    if "CopySource" in request:
        directive = request.get("TaggingDirective", "COPY")
        if directive not in ("COPY", "REPLACE"):
            raise InvalidArgument(
                "Unknown tagging directive.",
                ArgumentName="x-amz-tagging-directive", ArgumentValue=directive,
            )  # fmt: skip
        if directive == "COPY":
            return copied
    return read_header(header) if header else {}


def read_xml(document: str) -> list[tuple[str, str]]:
    """The tags in a form's `<Tagging>` document.

    Raises:
        MalformedXml: it is none. Entities are never expanded.
    """
    pairs: list[tuple[str, str]] = []
    path: list[str] = []
    tag: dict[str, str] = {}

    def start(name: str, attributes: dict[str, str]) -> None:
        path.append(name)

    def text(piece: str) -> None:
        if len(path) == 4 and path[:3] == ["Tagging", "TagSet", "Tag"]:
            tag[path[3]] = tag.get(path[3], "") + piece

    def end(name: str) -> None:
        if len(path) == 4:
            tag.setdefault(path[3], "")
        elif len(path) == 3:
            if tag.keys() != {"Key", "Value"}:
                raise MalformedXml()
            pairs.append((tag.pop("Key"), tag.pop("Value")))
        path.pop()

    def refuse(*ignored: object) -> None:
        raise MalformedXml()

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.CharacterDataHandler, parser.EndElementHandler = start, text, end
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(document, True)
    except expat.ExpatError as error:
        raise MalformedXml() from error
    return pairs
