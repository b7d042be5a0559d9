"""Where rest-json and rest-xml put members: path, query string, headers, status and body.

Which operation a method and path are for is the gateway's to find (`gateway.rest`).
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any
from urllib.parse import unquote_to_bytes

from ballroom.gateway.wire import values
from ballroom.gateway.wire.codec import Headers
from ballroom.kernel.errors import ServiceError
from ballroom.kernel.model import Member, OperationModel, SerializationFailed, Shape


class ParameterRefused(SerializationFailed):
    """A member in the query string or a header can't be read."""

    def __init__(self, text: str, member: Member, given: str) -> None:
        super().__init__(text)
        self.member = member
        self.given = given


STATUS = "$status"
"""Where an operation's answer tells its status, if the model has no member for that."""
UNSAFE_IN_HEADER = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]+")


def decode(text: str) -> str:
    """Text from its percent-encoded form."""
    if "%" not in text:
        return text
    return values.utf8(unquote_to_bytes(text))


def query_pairs(query: str) -> list[tuple[str, str]]:
    """Names and values of a query string; a name alone has an empty value."""
    if not query:
        return []
    pairs = []
    for part in query.split("&"):
        if part:
            name, _, value = part.replace("+", " ").partition("=")
            pairs.append((decode(name), decode(value)))
    return pairs


def path_pattern(path: str) -> re.Pattern[str]:
    """A model's path (`/{Bucket}/{Key+}`) as a pattern; a slash at the end may be added or left out."""
    pieces = []
    for piece in re.split(r"(\{[^}]+\})", path.rstrip("/")):
        if piece.startswith("{"):
            pieces.append("(.+)" if piece.endswith("+}") else "([^/]+)")
        else:
            pieces.append(re.escape(piece))
    return re.compile("".join(pieces) + ("" if path.endswith("+}") else "/?"), re.DOTALL)


# --- members of a request outside its body

Setter = Callable[[dict[str, Any]], None]
RefusedHeader = Callable[[str, str], ServiceError]
"""The error for a header that an operation does not take: from its name and value."""


class RequestBinding:
    """Takes an input's members from path, query string and headers.

    `refused` are headers that the operation does not take, `ignored` those that do not matter where they are
    wrong; `added` names members for headers that the model lacks.
    """

    def __init__(
        self,
        operation: OperationModel,
        refused: Mapping[str, RefusedHeader] | None = None,
        ignored: Collection[str] = (),
        added: Mapping[str, str] | None = None,
    ) -> None:
        path = operation.uri.partition("?")[0]
        self._pattern = path_pattern(path)
        shape = operation.input
        members = list(shape.members.values()) if shape is not None else []
        by_label = {member.wire_name: member for member in members if member.location == "uri"}
        names = [label.rstrip("+") for label in re.findall(r"\{([^}]+)\}", path)]
        self._labels = [(by_label[name].name, _text_in(by_label[name])) for name in names if name in by_label]
        self._has_all_labels = len(self._labels) == len(names)
        self._queries = {m.wire_name: m for m in members if m.location == "querystring"}
        self._rest_of_query = next((m for m in self._queries.values() if m.shape.kind == "map"), None)
        self._headers: dict[str, Member | RefusedHeader | str] = {
            m.wire_name.lower(): m for m in members if m.location == "header"
        }
        self._headers.update(added or {})
        self._prefixes: list[tuple[str, Member | RefusedHeader]] = [
            (m.wire_name.lower(), m) for m in members if m.location == "headers"
        ]
        for name, error in (refused or {}).items():
            if name.endswith("*"):
                self._prefixes.append((name[:-1], error))
            else:
                self._headers[name] = error
        self._ignored = ignored
        self.body_members = [m for m in members if m.location is None]

    def read(self, path: str, query: str, headers: Collection[tuple[str, str]]) -> dict[str, Any]:
        """The members that do not stand in the body."""
        found: dict[str, Any] = {}
        if self._labels:
            matched = self._pattern.fullmatch(path)
            if matched is None or not self._has_all_labels:
                raise SerializationFailed("The request's path does not fit the operation")
            for (name, convert), text in zip(self._labels, matched.groups(), strict=False):
                found[name] = convert(decode(text))
        if self._queries and query:
            self._read_query(query_pairs(query), found)
        if self._headers or self._prefixes:
            self._read_headers(headers, found)
        return found

    def _read_query(self, pairs: list[tuple[str, str]], found: dict[str, Any]) -> None:
        for name, text in pairs:
            member = self._queries.get(name)
            if member is not None and member.shape.kind == "list":
                found.setdefault(member.name, []).append(_read(_text_in(member.shape.element), text, member))
            elif member is not None and member.shape.kind != "map":
                found[member.name] = _read(_text_in(member), text, member)
            elif self._rest_of_query is not None and member is None:
                self._add_to_map(self._rest_of_query, name, text, found)

    @staticmethod
    def _add_to_map(member: Member, name: str, text: str, found: dict[str, Any]) -> None:
        held = found.setdefault(member.name, {})
        if member.shape.value.shape.kind == "list":
            held.setdefault(name, []).append(text)
        else:
            held[name] = text

    def _read_headers(self, headers: Collection[tuple[str, str]], found: dict[str, Any]) -> None:
        for name, text in headers:
            member = self._headers.get(name)
            if member is not None:
                if not isinstance(member, Member):
                    if not isinstance(member, str):
                        raise member(name, text)
                    found[member] = text
                    continue
                try:
                    found[member.name] = _read(partial(_header_in, member), text, member)
                except ParameterRefused:
                    if name not in self._ignored:
                        raise
                continue
            for prefix, collected in self._prefixes:
                if name.startswith(prefix):
                    if not isinstance(collected, Member):
                        raise collected(name, text)
                    found.setdefault(collected.name, {})[name[len(prefix) :]] = text
                    break


def _text_in(member: Member) -> Callable[[str], Any]:
    return values.TEXT_IN.get(member.shape.kind, str)


def _read(convert: Callable[[str], Any], text: str, member: Member) -> Any:
    try:
        return convert(text)
    except SerializationFailed as refusal:
        raise ParameterRefused(refusal.text, member, text) from None


def _header_in(member: Member, text: str) -> Any:
    if member.is_json_text:
        try:
            return json.loads(base64.b64decode(text, validate=True))
        except (ValueError, RecursionError):
            raise values.refuse("JSON header", text) from None
    if member.shape.kind == "list":
        convert = _text_in(member.shape.element)
        if member.shape.element.shape.kind == "timestamp":
            return [convert(part.strip()) for part in re.findall(r"[^,]+,[^,]+|[^,]+", text)]
        return [convert(part.strip()) for part in text.split(",")]
    return _text_in(member)(text)


# --- members of an answer outside its body


class ResponseBinding:
    """Puts an output's members into status and headers."""

    def __init__(self, shape: Shape | None, status: int) -> None:
        members = list(shape.members.values()) if shape is not None else []
        self._status = status
        self._status_member = next((m.name for m in members if m.location == "statusCode"), None)
        self._headers = {m.name: (_header_name(m), _header_out(m)) for m in members if m.location == "header"}
        self._prefixes = [(m.name, m.wire_name) for m in members if m.location == "headers"]
        self.body_members = [m for m in members if m.location is None]
        self.payload = shape.payload if shape is not None else None

    def write(self, output: dict[str, Any], headers: Headers) -> int:
        """Adds to the headers; returns the status."""
        known = self._headers
        for name, value in output.items():
            # S3's reads may answer 44 headers and do answer 8: look for those that are there
            if value is not None and (found := known.get(name)) is not None:
                text = found[1](value)
                headers.append((found[0], safe_header(text)))
        for name, prefix in self._prefixes:
            for key, value in (output.get(name) or {}).items():
                headers.append((safe_header(prefix + key), safe_header(value)))
        told = output.get(self._status_member or STATUS)
        return int(told) if told else self._status


def safe_header(text: str) -> str:
    """Header text without line breaks or control characters: data must not add headers of its own."""
    return text if text.isprintable() else UNSAFE_IN_HEADER.sub(" ", text)


def _header_name(member: Member) -> str:
    """As the model writes it, but the server must know its own among them (S3's Content-Length)."""
    return "content-length" if member.wire_name == "Content-Length" else member.wire_name


def _header_out(member: Member) -> Callable[[Any], str]:
    if member.is_json_text:
        return lambda value: base64.b64encode(json.dumps(value).encode()).decode()
    shape = member.shape
    if shape.kind == "timestamp":
        chosen = values.TIMESTAMPS_OUT[member.timestamp_format or "rfc822"]
        return lambda value: str(chosen(value))
    if shape.kind == "list":
        inner = _header_out(shape.element)
        return lambda value: ", ".join(map(inner, value))
    return values.TEXT_OUT[shape.kind]
