"""Shapes as XML: bodies of rest-xml, and the results of the query protocol."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ballroom.gateway.wire import values
from ballroom.gateway.wire.legacy import LegacyNames
from ballroom.gateway.wire.xml import Node, XmlRefused, escape
from ballroom.kernel.model import Member, SerializationFailed, Shape

Write = Callable[[Any, list[str]], None]
Read = Callable[[Node], Any]
XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'


class Names:
    """How members, elements and entries are called on the wire: by the model, or by a legacy table."""

    def __init__(self, legacy: LegacyNames | None = None) -> None:
        self._legacy = legacy or LegacyNames(namespace="")

    def of_member(self, shape: Shape, member: Member) -> str:
        """A structure's member. A flattened list goes by its elements' name, where they have one."""
        given = self._legacy.members.get((shape.name, member.name), member.wire_name)
        if member.shape.kind == "list" and member.flattened:
            return self.of_element(member.shape, default=given)
        return given

    def of_element(self, shape: Shape, default: str = "member") -> str:
        """A list's element."""
        named: str = shape.element.traits.get("locationName", default)
        return self._legacy.elements.get(shape.name, named)

    def of_entry(self, shape: Shape) -> tuple[str, str]:
        """Key and value of a map."""
        return self._legacy.entries.get(shape.name) or (shape.key.wire_name, shape.value.wire_name)


class XmlWriter:
    """Makes writers that append an element for a value to a list of text."""

    def __init__(self, names: Names, timestamps: Callable[[int], str]) -> None:
        self._names = names
        self._timestamps = timestamps
        self._known: dict[str, Write] = {}

    def members(self, shape: Shape, members: Iterable[Member]) -> Write:
        """Writes members of a structure, without an element around them."""
        written = [member for member in members if not member.traits.get("xmlAttribute")]
        table = [(member.name, self.member(shape, member)) for member in written]

        def write(value: dict[str, Any], out: list[str]) -> None:
            for name, write_member in table:
                given = value.get(name)
                if given is not None:
                    write_member(given, out)

        return write

    def member(self, shape: Shape, member: Member) -> Write:
        """Writes a member with its element, or its elements where a list or map is flattened."""
        name = self._names.of_member(shape, member)
        if member.shape.kind == "list" and member.flattened:
            return self._items(name, member.shape)
        if member.shape.kind == "map" and member.flattened:
            return self._entries(name, member.shape)
        return self.element(name, member)

    def element(self, name: str, member: Member) -> Write:
        """Writes a value in an element of that name."""
        shape = member.shape
        if shape.kind == "timestamp":
            chosen = member.timestamp_format
            convert = values.TIMESTAMPS_OUT[chosen] if chosen else self._timestamps
            return _scalar(name, lambda value: str(convert(value)))
        if shape.is_scalar:
            return _scalar(name, escape if shape.kind == "string" else values.TEXT_OUT[shape.kind])
        inner = self._inside(shape)
        start, end = f"<{name}>", f"</{name}>"
        attributes = _attributes(shape)

        def write(value: Any, out: list[str]) -> None:
            out.append(start if attributes is None else f"<{name}{attributes(value)}>")
            inner(value, out)
            out.append(end)

        return write

    def _inside(self, shape: Shape) -> Write:
        known = self._known.get(shape.name)
        if known is not None:
            return known
        made: Write | None = None

        def later(value: Any, out: list[str]) -> None:
            assert made is not None
            made(value, out)

        self._known[shape.name] = later  # a shape may contain itself
        if shape.kind == "structure":
            made = self.members(shape, shape.members.values())
        elif shape.kind == "list":
            made = self._items(self._names.of_element(shape), shape)
        else:
            made = self._entries("entry", shape)
        self._known[shape.name] = made
        return made

    def _items(self, name: str, shape: Shape) -> Write:
        write_item = self.element(name, shape.element)

        def write(value: list[Any], out: list[str]) -> None:
            for item in value:
                write_item(item, out)

        return write

    def _entries(self, name: str, shape: Shape) -> Write:
        key_name, value_name = self._names.of_entry(shape)
        write_key = self.element(key_name, shape.key)
        write_value = self.element(value_name, shape.value)

        def write(value: dict[str, Any], out: list[str]) -> None:
            for key, item in value.items():
                out.append(f"<{name}>")
                write_key(key, out)
                write_value(item, out)
                out.append(f"</{name}>")

        return write


def _scalar(name: str, convert: Callable[[Any], str]) -> Write:
    def write(value: Any, out: list[str]) -> None:
        out.append(f"<{name}>{convert(value)}</{name}>")

    return write


def _attributes(shape: Shape) -> Callable[[dict[str, Any]], str] | None:
    """What stands in the start tag: only S3's grantees have attributes (`xsi:type`)."""
    if shape.kind != "structure":
        return None
    named = [(m.name, m.wire_name) for m in shape.members.values() if m.traits.get("xmlAttribute")]
    if not named:
        return None

    def write(value: dict[str, Any]) -> str:
        pairs = "".join(f' {wire}="{escape(value[name])}"' for name, wire in named if name in value)
        return f" {XSI}{pairs}"

    return write


class XmlReader:
    """Makes readers from elements to input values. Unknown elements are dropped."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._known: dict[str, Read] = {}

    def of(self, member: Member) -> Read:
        """Reads a member's value from its element."""
        shape = member.shape
        if shape.is_scalar:
            convert = values.TEXT_IN[shape.kind]
            return lambda node: _scalar_in(node, convert)
        known = self._known.get(shape.name)
        if known is not None:
            return known
        if shape.kind == "structure":
            return self.structure(shape)
        made: Read | None = None
        self._known[shape.name] = lambda node: made(node) if made else None
        if shape.kind == "list":
            made = self._list(shape)
        else:
            entries = self._map(shape)
            made = lambda node: entries(node.children)  # noqa: E731
        self._known[shape.name] = made
        return made

    def structure(self, shape: Shape, members: Iterable[Member] | None = None) -> Read:
        """Reads a structure, or those of its members that stand in the body."""
        single: dict[str, tuple[str, Read]] = {}
        repeated: dict[str, tuple[str, Callable[[list[Node]], Any]]] = {}
        attributes: dict[str, str] = {}

        def read(node: Node) -> dict[str, Any]:
            found: dict[str, Any] = {}
            groups: dict[str, list[Node]] = {}
            for child in node.children:
                if child.name in single:
                    name, read_member = single[child.name]
                    found[name] = read_member(child)
                elif child.name in repeated:
                    groups.setdefault(child.name, []).append(child)
            for wire, group in groups.items():
                name, read_group = repeated[wire]
                found[name] = read_group(group)
            for wire, name in attributes.items():
                if wire in node.attributes:
                    found[name] = node.attributes[wire]
            return found

        if members is None:
            self._known[shape.name] = read
        for member in shape.members.values() if members is None else members:
            wire = self._names.of_member(shape, member)
            if member.traits.get("xmlAttribute"):
                attributes[wire] = member.name
            elif member.shape.kind == "list" and member.flattened:
                repeated[wire] = (member.name, self._group(member.shape))
            elif member.shape.kind == "map" and member.flattened:
                repeated[wire] = (member.name, self._map(member.shape))
            else:
                single[wire] = (member.name, self.of(member))
        return read

    def _group(self, shape: Shape) -> Callable[[list[Node]], list[Any]]:
        read_item = self.of(shape.element)
        return lambda nodes: [read_item(node) for node in nodes]

    def _list(self, shape: Shape) -> Read:
        name = self._names.of_element(shape)
        read_item = self.of(shape.element)
        return lambda node: [read_item(child) for child in node.children if child.name == name]

    def _map(self, shape: Shape) -> Callable[[list[Node]], dict[str, Any]]:
        key_name, value_name = self._names.of_entry(shape)
        read_key, read_value = self.of(shape.key), self.of(shape.value)

        def read(nodes: list[Node]) -> dict[str, Any]:
            found = {}
            for node in nodes:
                parts = {child.name: child for child in node.children}
                if key_name not in parts or value_name not in parts:
                    raise XmlRefused
                found[read_key(parts[key_name])] = read_value(parts[value_name])
            return found

        return read


def _scalar_in(node: Node, convert: Callable[[str], Any]) -> Any:
    if node.children:
        raise XmlRefused
    try:
        return convert(node.text)
    except SerializationFailed:
        raise XmlRefused from None
