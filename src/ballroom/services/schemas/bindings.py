"""Code bindings for Python: a class for each type of a schema, and a marshaller, as a zip.

The package is `schema.<source>.<event>`; `Marshaller.unmarshall(event, AWSEvent)` and
`Marshaller.marshall(value)` are used as in AWS's bindings.
"""

from __future__ import annotations

import io
import keyword
import re
import zipfile
from typing import Any

from ballroom.services.schemas.documents import type_name, types_in

_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NOT_WORD = re.compile(r"[^A-Za-z0-9]+")
_PLAIN = {"string": "str", "number": "float", "integer": "int", "boolean": "bool", "object": "dict"}
_MARSHALLER = '''"""Events to objects of the classes here, and back."""


class Marshaller:
    @staticmethod
    def marshall(value):
        """What JSON libraries understand."""
        if isinstance(value, (list, tuple)):
            return [Marshaller.marshall(item) for item in value]
        if isinstance(value, dict):
            return {name: Marshaller.marshall(item) for name, item in value.items()}
        if not hasattr(value, "attribute_map"):
            return value
        return {
            wire: Marshaller.marshall(getattr(value, name))
            for name, wire in value.attribute_map.items()
            if getattr(value, name) is not None
        }

    @staticmethod
    def unmarshall(data, kind):
        """An object of a class, or a list of such (`[kind]`), from parsed JSON."""
        if data is None:
            return None
        if isinstance(kind, list):
            return [Marshaller.unmarshall(item, kind[0]) for item in data]
        if not hasattr(kind, "attribute_map"):
            return data
        kinds = kind.types()
        values = {
            name: Marshaller.unmarshall(data[wire], kinds[name])
            for name, wire in kind.attribute_map.items()
            if wire in data
        }
        return kind(**values)
'''


def snake(name: str) -> str:
    """`detailType`, `detail-type` -> `detail_type`; never a keyword, never empty."""
    made = _NOT_WORD.sub("_", _CAPITAL.sub("_", name)).strip("_").lower() or "value"
    if made[0].isdigit():
        made = f"n{made}"
    return f"{made}_" if keyword.iskeyword(made) else made


def package_of(schema_name: str) -> list[str]:
    """The package's path: `shop.orders@OrderPlaced` -> schema, shop, orders, order_placed."""
    source, _, event = schema_name.partition("@")
    return ["schema", *(snake(part) for part in source.split(".") if part), *([snake(event)] if event else [])]


def python_binding(schema_name: str, document: dict[str, Any]) -> bytes:
    """The zip."""
    types = {type_name(name): type for name, type in types_in(document).items()}
    path = package_of(schema_name)
    files = {"/".join([*path[:n], "__init__.py"]): "" for n in range(1, len(path))}
    folder = "/".join(path)
    imports = [f"from .{snake(name)} import {name}" for name in sorted(types)]
    files[f"{folder}/__init__.py"] = "\n".join([*imports, "from .marshaller import Marshaller", ""])
    files[f"{folder}/marshaller.py"] = _MARSHALLER
    for name, type in types.items():
        files[f"{folder}/{snake(name)}.py"] = _class(name, type, types)
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:
        for file, text in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(file, (1980, 1, 1, 0, 0, 0)), text)
    return memory.getvalue()


def _class(name: str, type: dict[str, Any], types: dict[str, Any]) -> str:
    properties = type.get("properties")
    wires = [str(wire) for wire in properties] if isinstance(properties, dict) else []
    names: dict[str, str] = {}
    for wire in wires:
        unique = snake(wire)
        while unique in names:
            unique += "_"
        names[unique] = wire
    kinds = {n: _kind((properties or {})[wire], types) for n, wire in names.items()}
    used = sorted({kind.strip("[]") for kind in kinds.values()} & types.keys() - {name})
    lines = [f"class {name}:", f"    attribute_map = {names!r}", "", "    @staticmethod", "    def types():"]
    lines += [f"        from .{snake(other)} import {other}" for other in used]
    shown = ", ".join(f"{n!r}: {kind}" for n, kind in kinds.items())
    lines += ["", f"        return {{{shown}}}", ""]
    arguments = "".join(f", {n}=None" for n in names)
    lines += [f"    def __init__(self{arguments}):"]
    lines += [f"        self.{n} = {n}" for n in names] or ["        pass"]
    lines += [
        "", "    def __eq__(self, other):",
        f"        return isinstance(other, {name}) and self.__dict__ == other.__dict__", "",
        "    def __repr__(self):", f"        return f\"{name}({{self.__dict__!r}})\"", "",
    ]  # fmt: skip
    return "\n".join(lines)


def _kind(property: Any, types: dict[str, Any]) -> str:
    if not isinstance(property, dict):
        return "object"
    reference = property.get("$ref")
    if isinstance(reference, str):
        name = type_name(reference.rpartition("/")[2])
        return name if name in types else "object"
    if property.get("type") == "array":
        return f"[{_kind(property.get('items'), types)}]"
    return _PLAIN.get(str(property.get("type")), "object")
