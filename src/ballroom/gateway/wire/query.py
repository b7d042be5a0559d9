"""The query protocol: form-encoded names with dots and numbers in, XML out."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from typing import Any
from urllib.parse import unquote_to_bytes

from ballroom.gateway.wire import values
from ballroom.gateway.wire.codec import Headers, Reply, facts_of
from ballroom.gateway.wire.legacy import LEGACY
from ballroom.gateway.wire.xml import escape
from ballroom.gateway.wire.xmlshapes import Names, XmlWriter
from ballroom.kernel.errors import ServiceError
from ballroom.kernel.model import Member, OperationModel, SerializationFailed, ServiceModel, Shape

MOST_PARTS = 200_000
"""How many steps all names of a request may have together; bounds the memory that a body can demand."""
POSITION = re.compile(r"[0-9]{1,9}")
CONTENT = ("content-type", "text/xml")

Tree = dict[str, Any]
"""Names cut at their dots: a step leads to a tree or, at the end, to text."""
Read = Callable[[Any], Any]


class MalformedInput(SerializationFailed):
    """The form can't be read as this operation's parameters."""

    shape = "MalformedInput"


def pairs(form: bytes) -> list[tuple[str, str]]:
    """Names and values of a form or query string.

    Raises:
        MalformedInput: they are not UTF-8.
    """
    found = []
    try:
        for part in form.decode("utf-8").replace("+", " ").split("&"):
            name, _, value = part.partition("=")
            if "%" in value:
                value = unquote_to_bytes(value).decode("utf-8")
            if "%" in name:
                name = unquote_to_bytes(name).decode("utf-8")
            if name:
                found.append((name, value))
    except UnicodeDecodeError:
        raise MalformedInput("The request is not valid UTF-8") from None
    return found


def tree_of(parameters: Iterable[tuple[str, str]]) -> Tree:
    """The parameters by the steps of their names. Where text and steps compete, the steps win."""
    root: Tree = {}
    count = 0
    for name, value in parameters:
        place = root
        if "." in name:
            *steps, name = name.split(".")
            count += len(steps)
            if count > MOST_PARTS:
                raise MalformedInput("The request has too many parameters")
            for step in steps:
                below = place.get(step)
                if type(below) is not dict:
                    below = place[step] = {}
                place = below
        if type(place.get(name)) is not dict:
            place[name] = value
    return root


class QueryReader:
    """Makes readers from trees of parameters to input values. Unknown parameters are dropped."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._known: dict[str, Read] = {}

    def structure(self, shape: Shape) -> Read:
        """Reads a structure."""
        known = self._known.get(shape.name)
        if known is not None:
            return known
        table: dict[str, tuple[str, Read]] = {}

        def read(tree: Any) -> dict[str, Any]:
            found = {}
            for wire, below in _steps(tree).items():
                if wire in table:
                    name, read_member = table[wire]
                    found[name] = read_member(below)
            return found

        self._known[shape.name] = read
        for member in shape.members.values():
            table[self._names.of_member(shape, member)] = (member.name, self._member(member))
        return read

    def _member(self, member: Member) -> Read:
        shape = member.shape
        if shape.kind == "list":
            return self._list(shape, None if member.flattened else self._names.of_element(shape))
        if shape.kind == "map":
            return self._map(shape, None if member.flattened else "entry")
        if shape.kind == "structure":
            return self.structure(shape)
        convert = values.TEXT_IN[shape.kind]

        def read(text: Any) -> Any:
            if type(text) is not str:
                raise MalformedInput("A parameter has parts where a value is expected")
            try:
                return convert(text)
            except SerializationFailed as refusal:
                raise MalformedInput(refusal.text) from None

        return read

    def _list(self, shape: Shape, step: str | None) -> Read:
        read_item: Read | None = None

        def read(tree: Any) -> list[Any]:
            nonlocal read_item
            if read_item is None:  # made late, since a shape may contain itself
                read_item = self._member(shape.element)
            return [read_item(below) for below in _numbered(tree, step)]

        return read

    def _map(self, shape: Shape, step: str | None) -> Read:
        key_name, value_name = self._names.of_entry(shape)
        reads: tuple[Read, Read] | None = None

        def read(tree: Any) -> dict[str, Any]:
            nonlocal reads
            if reads is None:
                reads = (self._member(shape.key), self._member(shape.value))
            read_key, read_value = reads
            found = {}
            for below in _numbered(tree, step):
                entry = _steps(below)
                if key_name not in entry:
                    raise MalformedInput(f"A map's entry lacks {key_name}")
                found[read_key(entry[key_name])] = read_value(entry.get(value_name, ""))
            return found

        return read


def _steps(tree: Any) -> Tree:
    """The steps of a tree; empty text alone stands for nothing in it."""
    if type(tree) is dict:
        return tree
    if tree:
        raise MalformedInput("A parameter has a value where parts are expected")
    return {}


def _numbered(tree: Any, step: str | None) -> list[Any]:
    """What stands under 1, 2, ... in order."""
    found = _steps(tree)
    if step is not None and step in found:
        found = _steps(found[step])
    positions = list(found)
    for name in positions:
        if POSITION.fullmatch(name) is None:
            raise MalformedInput(f"Start of a list expected, found {name[:64]!r}")
    if len(positions) > 1:
        positions.sort(key=int)
    return [found[name] for name in positions]


class QueryCodec:
    """One operation in the query protocol."""

    def __init__(self, operation: OperationModel, reader: QueryReader, writer: XmlWriter) -> None:
        self.operation = operation
        shape = operation.input
        self._read = reader.structure(shape) if shape is not None and shape.members else None
        name, service = operation.name, operation.service
        address = LEGACY[service.name].address if service.name in LEGACY else None
        self._address = address if shape is not None and address in shape.members else None
        shape = operation.output
        self._write = writer.members(shape, shape.members.values()) if shape is not None else None
        start = f'<{name}Response xmlns="{namespace_of(service)}">'
        wrapper = operation.result_wrapper or f"{name}Result"
        if shape is None:
            self._start, self._end = start, ""
        elif shape.members:
            self._start, self._end = f"{start}<{wrapper}>", f"</{wrapper}>"
        else:
            self._start, self._end = f"{start}<{wrapper}/>", ""
        self._close = f"</RequestId></ResponseMetadata></{name}Response>"

    def parse(
        self, method: str, path: str, query: str, headers: Collection[tuple[str, str]], body: bytes
    ) -> dict[str, Any]:
        """The input value from the form, or from the query string of a GET."""
        if self._read is None:
            return {}
        given = pairs(body) if body else []
        if query:
            given += pairs(query.encode())
        try:
            found: dict[str, Any] = self._read(tree_of(given))
        except RecursionError:
            raise MalformedInput("The request is nested too deeply.") from None
        if self._address is not None and path != "/":
            found.setdefault(self._address, path)
        return found

    def serialise(self, output: dict[str, Any], request_id: str) -> Reply:
        """The output as XML in the operation's wrapper."""
        out = [self._start]
        if self._write is not None:
            self._write(output, out)
        out += (self._end, "<ResponseMetadata><RequestId>", request_id, self._close)
        headers: Headers = [CONTENT, ("x-amzn-requestid", request_id)]
        return Reply(self.operation.status, headers, "".join(out).encode())

    def serialise_error(self, error: ServiceError, request_id: str) -> Reply:
        """The error as XML."""
        return serialise_error(self.operation.service, error, request_id)


def namespace_of(service: ServiceModel) -> str:
    """The XML namespace of a service's answers."""
    names = LEGACY.get(service.name)
    if names is not None:
        return names.namespace
    return service.head.xml_namespace or f"http://{service.name}.amazonaws.com/doc/{service.head.api_version}/"


def serialise_error(service: ServiceModel, error: ServiceError, request_id: str) -> Reply:
    """An error in the query protocol."""
    facts = facts_of(service, error)
    detail = "<Detail/>" if service.name in LEGACY else ""
    text = getattr(error, "query_text", None) or facts.text  # some errors are worded otherwise here
    body = (
        f'<ErrorResponse xmlns="{namespace_of(service)}"><Error><Type>{facts.fault}</Type>'
        f"<Code>{escape(facts.code)}</Code><Message>{escape(text)}</Message>{detail}</Error>"
        f"<RequestId>{escape(request_id)}</RequestId></ErrorResponse>"
    )
    return Reply(facts.status, [CONTENT, ("x-amzn-requestid", request_id)], body.encode())


class QueryProtocol:
    """The query protocol."""

    name = "query"

    def __init__(self) -> None:
        self._made: dict[str, tuple[QueryReader, XmlWriter]] = {}

    def compile(self, operation: OperationModel) -> QueryCodec:
        """A codec; the service's codecs share the converters of common shapes."""
        service = operation.service.name
        if service not in self._made:
            names = Names(LEGACY.get(service))
            timestamps = values.iso_millis_out if service == "cloudformation" else values.iso_out
            self._made[service] = (QueryReader(names), XmlWriter(names, timestamps))
        reader, writer = self._made[service]
        return QueryCodec(operation, reader, writer)

    def serialise_error(self, service: ServiceModel, error: ServiceError, request_id: str) -> Reply:
        """An error before the operation is known."""
        return serialise_error(service, error, request_id)
