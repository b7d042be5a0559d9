"""XML in and out: a strict small parser, and text for answers."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from xml.parsers import expat

from ballroom.kernel.model import SerializationFailed

DEEPEST = 64
MOST_NODES = 200_000
SPECIAL = re.compile('[&<>"\r\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]')
ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#xD;"}


class XmlRefused(SerializationFailed):
    """The body is not well-formed XML, or of a kind that we do not take (DTDs, deep nesting)."""

    shape = "MalformedXML"
    text = "The XML you provided was not well-formed or did not validate against our published schema"


@dataclass(slots=True)
class Node:
    """An element: its local name, attributes as written, text, and elements inside."""

    name: str
    attributes: dict[str, str]
    text: str = ""
    children: list[Node] = field(default_factory=list)


def parse(body: bytes) -> Node:
    """The root element.

    Raises:
        XmlRefused: not well-formed, with a DTD (so no entity can expand), or nested too deeply.
    """
    root = Node("", {})
    stack = [root]
    texts: list[list[str]] = [[]]
    count = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal count
        count += 1
        if len(stack) > DEEPEST or count > MOST_NODES:
            raise XmlRefused
        node = Node(name.rpartition(":")[2], attributes)
        stack[-1].children.append(node)
        stack.append(node)
        texts.append([])

    def end(name: str) -> None:
        stack.pop().text = "".join(texts.pop())

    def text(piece: str) -> None:
        texts[-1].append(piece)

    def refuse(*anything: object) -> None:
        raise XmlRefused

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.UnparsedEntityDeclHandler = refuse
    try:
        parser.Parse(body, True)
    except (expat.ExpatError, ValueError, LookupError):
        raise XmlRefused from None
    return root.children[0]


def escape(text: str) -> str:
    """Text that can stand in an element or a quoted attribute; what XML can't carry is replaced."""
    if SPECIAL.search(text) is None:
        return text
    return SPECIAL.sub(lambda found: ESCAPES.get(found[0], "\ufffd"), text)
