"""Which resource waits for which, and that none waits for itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .errors import ValidationError
from .template.load import Template
from .template.references import uses_of
from .template.shape import depends_on

Graph = dict[str, list[str]]
"""Logical id -> the logical ids that must be there first, in the template's order."""

_EVALUATED = ("Properties", "Metadata", "CreationPolicy", "UpdatePolicy")


def dependencies(template: Template, conditions: Mapping[str, bool]) -> Graph:
    """The graph of the resources whose condition holds.

    Args:
        template: checked by `check_shape`.
        conditions: the value of each condition; only taken branches of `Fn::If` count.

    Raises:
        ValidationError: a cycle, or a reference to a resource whose condition does not hold.
    """
    resources = template["Resources"]
    active = active_resources(template, conditions)
    taken: Callable[[str], bool | None] = conditions.get
    graph: Graph = {}
    missing: set[str] = set()
    for name in active:
        resource = resources[name]
        uses = uses_of({key: resource.get(key) for key in _EVALUATED}, taken)
        used = {other for other in uses.names if other in resources} | {other for other, _ in uses.attributes}
        missing |= {other for other in used if other not in active}
        # An explicit dependency on a resource that is not created is no dependency.
        wanted = used | set(depends_on(resource))
        graph[name] = [other for other in active if other in wanted]
    if missing:
        raise ValidationError(
            f"Template format error: Unresolved resource dependencies [{', '.join(sorted(missing))}] in the "
            "Resources block of the template"
        )
    check_acyclic(graph)
    return graph


def active_resources(template: Template, conditions: Mapping[str, bool]) -> dict[str, Any]:
    """The resources whose condition holds, in the template's order."""
    return {
        name: resource
        for name, resource in template["Resources"].items()
        if conditions.get(resource.get("Condition", ""), True)
    }


def check_acyclic(graph: Graph) -> None:
    """Refuse a graph with a cycle, naming the resources on cycles and those that wait for them."""
    waiting = {name: set(needs) for name, needs in graph.items()}
    while ready := [name for name, needs in waiting.items() if not needs]:
        for name in ready:
            del waiting[name]
        done = set(ready)
        for needs in waiting.values():
            needs -= done
    if waiting:
        raise ValidationError(
            f"Circular dependency between resources: [{', '.join(sorted(_on_cycles(waiting)))}]"
        )


def _on_cycles(waiting: dict[str, set[str]]) -> set[str]:
    """Without those that only wait for a cycle: nothing in turn waits for them."""
    left = dict(waiting)
    while True:
        needed = set().union(*left.values()) if left else set()
        loose = [name for name in left if name not in needed]
        if not loose:
            return set(left)
        for name in loose:
            del left[name]


def reverse(graph: Mapping[str, list[str]]) -> Graph:
    """Who waits for each: the order of deletion."""
    result: Graph = {name: [] for name in graph}
    for name, needs in graph.items():
        for other in needs:
            if other in result:
                result[other].append(name)
    return result
