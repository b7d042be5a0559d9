"""What an update would change, as change sets tell it.

Nothing is asked of the services: what a resource will be is worked out from the template, what it is from
the store. A change through a parameter is told twice, as AWS does: statically by the parameter, dynamically
as a modification. A change through another resource is certain when that one is replaced, and only possible
when it is modified.

Source: CloudFormation User Guide, "View a change set"; recorded cases test_change_set_*.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .engine.events import shown_properties
from .engine.values import known_resource
from .graph import Graph
from .resource_types.base import ResourceType, find_type
from .resources import Resource, from_json
from .template.evaluate import Evaluator, StackNames
from .template.load import Template
from .template.references import uses_of
from .template.values import KNOWN_AFTER_APPLY, as_text, is_scalar, undefer

_ATTRIBUTES = ("Metadata", "CreationPolicy", "UpdatePolicy", "DeletionPolicy", "UpdateReplacePolicy")
_MISSING: Any = object()

Wire = dict[str, Any]


@dataclass(slots=True)
class Side:
    """A template with its values: the stack's now, or the proposed one."""

    template: Template
    parameters: Mapping[str, Any]
    texts: Mapping[str, str]
    """What the parameters were given."""
    tags: Mapping[str, str] = field(default_factory=dict)
    hidden: frozenset[str] = frozenset()


@dataclass(slots=True)
class _Modified:
    replaced: str
    """`False`, `True` or `Conditional`."""


class Comparison:
    """Compares the stack with what is proposed.

    Args:
        before: the stack's side; None for a stack that does not exist.
        after: the proposed side.
        graph: the proposed resources and their needs.
        resources: those that exist.
        names: for the pseudo parameters.
        import_value: for `Fn::ImportValue`.
    """

    def __init__(
        self, before: Side | None, after: Side, graph: Graph, resources: Mapping[str, Resource],
        names: StackNames,
        import_value: Callable[[str], Any] | None = None,
    ) -> None:  # fmt: skip
        self._before, self._after, self._graph = before, after, graph
        self._resources = {name: resource for name, resource in resources.items() if resource.physical_id}
        self._names, self._import_value = names, import_value
        self._modified: dict[str, _Modified] = {}
        self._changed_parameters = {
            name for name, text in after.texts.items() if before is None or before.texts.get(name) != text
        }  # fmt: skip
        self._static_after = Evaluator(after.template, after.parameters, names, import_value=import_value)
        self._static_before = (
            Evaluator(before.template, before.parameters, names, import_value=import_value) if before else None
        )
        self.plain: list[Wire] = []
        self.detailed: list[Wire] = []
        self._compare()

    @property
    def is_empty(self) -> bool:
        """Whether no resource changes."""
        return not self.plain

    def _compare(self) -> None:
        found: dict[str, tuple[Wire, Wire | None]] = {}
        added = []
        for name in _in_order(self._graph):
            if name not in self._resources:
                added.append(name)
            elif (change := self._modification(name)) is not None:
                found[name] = change
        for name in added:
            found[name] = self._addition(name)
        for name, resource in self._resources.items():
            if name not in self._graph:
                found[name] = self._removal(resource)
        for name in sorted(found):
            plain, detailed = found[name]
            self.plain.append({"Type": "Resource", "ResourceChange": plain})
            if detailed is not None:
                self.detailed.append({"Type": "Resource", "ResourceChange": detailed})

    def _live(self) -> Evaluator:
        """With every resource known that will still be what it is."""
        kept = {
            name: known_resource(resource)
            for name, resource in self._resources.items()
            if name in self._graph and not (name in self._modified and self._modified[name].replaced == "True")
        }
        shown = dict(self._after.parameters) | dict.fromkeys(
            self._after.hidden & self._after.parameters.keys(), "****"
        )
        return Evaluator(self._after.template, shown, self._names, kept, self._import_value)

    def _context(self, name: str) -> str:
        properties = self._live().value(self._after.template["Resources"][name].get("Properties") or {})
        return json.dumps({"Properties": json.loads(shown_properties(undefer(properties, KNOWN_AFTER_APPLY)))})

    def _addition(self, name: str) -> tuple[Wire, Wire]:
        change: Wire = {
            "Action": "Add",
            "LogicalResourceId": name,
            "ResourceType": self._after.template["Resources"][name]["Type"],
            "Scope": [],
            "Details": [],
        }
        return change, {**change, "AfterContext": self._context(name)}

    def _removal(self, resource: Resource) -> tuple[Wire, Wire]:
        retained = resource.deletion_policy in ("Retain", "RetainExceptOnCreate")
        change: Wire = {
            "PolicyAction": "Retain" if retained else "Delete",
            "Action": "Remove",
            "LogicalResourceId": resource.logical_id,
            "PhysicalResourceId": resource.physical_id,
            "ResourceType": resource.type,
            "Scope": [],
            "Details": [],
        }
        before = {"Properties": json.loads(shown_properties(from_json(resource.properties)))}
        return change, {**change, "BeforeContext": json.dumps(before)}

    def _modification(self, name: str) -> tuple[Wire, Wire | None] | None:
        resource, definition = self._resources[name], self._after.template["Resources"][name]
        entry = find_type(definition["Type"])
        assert entry is not None
        old = self._before.template["Resources"].get(name, {}) if self._before is not None else {}
        details = self._property_details(entry, old, definition)
        for attribute in _ATTRIBUTES:
            details += self._details(attribute, None, old.get(attribute), definition.get(attribute), "Never")
        if self._before is not None and entry.taggable and dict(self._before.tags) != dict(self._after.tags):
            details.append(_detail("DirectModification", "Static", "Tags", None, "Never"))
        if resource.status.endswith("_FAILED") and not details:
            details.append(_detail("DirectModification", "Static", "Properties", None, "Never"))
        if not details:
            return None
        replaced = _replacement(details)
        self._modified[name] = _Modified(replaced)
        change: Wire = {
            "Action": "Modify",
            "LogicalResourceId": name,
            "PhysicalResourceId": resource.physical_id,
            "ResourceType": definition["Type"],
            "Replacement": replaced,
            "Scope": sorted({detail["Target"]["Attribute"] for detail in details}),
            "Details": details,
        }
        if replaced != "False":
            policy = definition.get("UpdateReplacePolicy")
            change["PolicyAction"] = "ReplaceAndRetain" if policy == "Retain" else "ReplaceAndDelete"
        return change, self._with_values(change, resource, name)

    def _property_details(self, entry: ResourceType, old: Wire, new: Wire) -> list[Wire]:
        before, after = old.get("Properties") or {}, new.get("Properties") or {}
        details = []
        for name in sorted(before.keys() | after.keys()):
            always = name in entry.create_only or entry.update is None
            details += self._details(
                "Properties", name, before.get(name), after.get(name), "Always" if always else "Never"
            )
        return details

    def _details(
        self, attribute: str, name: str | None, before: Any, after: Any, recreation: str
    ) -> list[Wire]:
        """Why one property (or other attribute) of a resource changes; empty if it does not."""
        uses = uses_of(after, self._static_after.condition)
        if not self._same(before, after):
            causes = sorted(uses.names & self._changed_parameters)
            if not causes:
                return [_detail("DirectModification", "Static", attribute, name, recreation)]
            return [
                *(
                    _detail("ParameterReference", "Static", attribute, name, recreation, cause)
                    for cause in causes
                ),
                _detail("DirectModification", "Dynamic", attribute, name, recreation),
            ]
        details = []
        for other in sorted(uses.names & self._modified.keys()):
            if self._modified[other].replaced != "False":
                certain = "Static" if self._modified[other].replaced == "True" else "Dynamic"
                details.append(_detail("ResourceReference", certain, attribute, name, recreation, other))
        for other, read in sorted(uses.attributes):
            if other in self._modified:
                certain = "Static" if self._modified[other].replaced == "True" else "Dynamic"
                details.append(
                    _detail("ResourceAttribute", certain, attribute, name, recreation, f"{other}.{read}")
                )
        return details

    def _same(self, before: Any, after: Any) -> bool:
        """Whether both give the same as far as it is known without the resources."""
        if self._static_before is None:
            return False
        left = undefer(self._static_before.value(before)) if before is not None else None
        right = undefer(self._static_after.value(after)) if after is not None else None
        return bool(left == right)

    def _with_values(self, change: Wire, resource: Resource, name: str) -> Wire | None:
        """The change with values, without what is only possible; None if nothing else is left."""
        details = [
            detail
            for detail in change["Details"]
            if not (detail["ChangeSource"].startswith("Resource") and detail["Evaluation"] == "Dynamic")
        ]
        if not details:
            return None
        through_resource = {
            (detail["Target"]["Attribute"], detail["Target"].get("Name")): detail
            for detail in details
            if detail["ChangeSource"].startswith("Resource")
        }
        for (attribute, property_name), detail in through_resource.items():
            details.append(
                _detail(
                    "DirectModification",
                    "Dynamic",
                    attribute,
                    property_name,
                    detail["Target"]["RequiresRecreation"],
                )
            )
        before = json.loads(shown_properties(from_json(resource.properties)))
        context = self._context(name)
        after = json.loads(context)["Properties"]
        return {
            **change,
            "Details": [_valued(detail, before, after) for detail in details],
            "BeforeContext": json.dumps({"Properties": before}),
            "AfterContext": context,
        }


def _valued(detail: Wire, before: Wire, after: Wire) -> Wire:
    target = detail["Target"]
    name = target.get("Name")
    if name is None:
        return detail
    old, new = before.get(name, _MISSING), after.get(name, _MISSING)
    kind = "Add" if old is _MISSING else "Remove" if new is _MISSING else "Modify"
    target = {**target, "Path": f"/Properties/{name}", "AttributeChangeType": kind}
    if old is not _MISSING:
        target["BeforeValue"] = _text(old)
    if new is not _MISSING:
        target["AfterValue"] = _text(new)
    return {**detail, "Target": target}


def _text(value: Any) -> str:
    return as_text(value) if is_scalar(value) else json.dumps(value)


def _detail(
    source: str, evaluation: str, attribute: str, name: str | None, recreation: str, cause: str | None = None
) -> Wire:
    target: Wire = {"Attribute": attribute, "RequiresRecreation": recreation}
    if name is not None:
        target["Name"] = name
    detail: Wire = {"Target": target, "Evaluation": evaluation, "ChangeSource": source}
    if cause is not None:
        detail["CausingEntity"] = cause
    return detail


def _replacement(details: list[Wire]) -> str:
    always = [detail for detail in details if detail["Target"]["RequiresRecreation"] == "Always"]
    if not always:
        return "False"
    certain = any(d["Evaluation"] == "Static" or d["ChangeSource"] == "DirectModification" for d in always)
    return "True" if certain else "Conditional"


def _in_order(graph: Graph) -> list[str]:
    """What is needed first, first."""
    order: list[str] = []
    waiting = {name: set(needs) for name, needs in graph.items()}
    while ready := [name for name, needs in waiting.items() if not needs]:
        for name in ready:
            del waiting[name]
        for needs in waiting.values():
            needs.difference_update(ready)
        order += ready
    return order
