"""A stack's outputs, and the values that stacks take from each other.

Source: CloudFormation User Guide, "Outputs", "Get exported outputs from a deployed stack".
"""

from __future__ import annotations

from typing import Any

from ballroom.kernel import Tx

from ..errors import ValidationError
from ..graph import Graph, dependencies
from ..resources import Export, Import, Output, Stack, key, resources_of
from ..template.evaluate import Evaluator
from ..template.values import as_text, is_scalar
from . import values


def graph_of(tx: Tx, stack: Stack) -> Graph:
    """The dependencies among the resources that the stack's template makes now."""
    evaluator = values.evaluator(tx, stack, stack.desired, None, importing=False)
    return dependencies(values.template_of(tx, stack.desired), evaluator.conditions())


def compute_outputs(tx: Tx, stack: Stack) -> list[Output]:
    """The outputs whose condition holds.

    Raises:
        ValidationError: an output that is no text, or cannot be computed.
    """
    template = values.template_of(tx, stack.desired)
    evaluator = values.evaluator(tx, stack, stack.desired, resources_of(tx, stack))
    outputs = []
    for name, output in template.get("Outputs", {}).items():
        condition = output.get("Condition")
        if condition is None or evaluator.condition(condition):
            outputs.append(_output(tx, evaluator, name, output))
    return outputs


def _output(tx: Tx, evaluator: Evaluator, name: str, output: dict[str, Any]) -> Output:
    value = values.resolve_dynamic(tx, evaluator.value(output["Value"]))
    if not is_scalar(value):
        raise ValidationError(
            "Template format error: The Value field of every Outputs member must evaluate to a String. "
            f"[{name}]"
        )
    export = output.get("Export")
    export_name = evaluator.value(export["Name"]) if export is not None else None
    description = output.get("Description")
    return Output(
        name, as_text(value), as_text(description) if description is not None else None,
        as_text(export_name) if export_name is not None else None,
    )  # fmt: skip


def publish(tx: Tx, stack: Stack, outputs: list[Output]) -> None:
    """Take over the stack's exports.

    Raises:
        ValidationError: a name that another stack exports, or a change of an export in use.
    """
    wanted = {output.export: output.value for output in outputs if output.export is not None}
    if len(wanted) != len([output for output in outputs if output.export is not None]):
        raise ValidationError("Output export names must be unique across the stack")
    held = {output.export for output in stack.outputs if output.export is not None}
    for name in sorted(held - wanted.keys()):
        if users := importers(tx, name):
            raise ValidationError(f"Export {name} cannot be deleted as it is in use by {join_names(users)}")
    for name, value in wanted.items():
        existing = tx.get(Export, key(tx, "export", name))
        if existing is not None and existing.stack_id != stack.id:
            owner = existing.stack_id.split("/")[1]
            raise ValidationError(f"Export with name {name} is already exported by stack {owner}")
        if existing is not None and existing.value != value and (users := importers(tx, name)):
            raise ValidationError(f"Export {name} cannot be updated as it is in use by {join_names(users)}")
    for name in held - wanted.keys():
        tx.delete(key(tx, "export", name))
    for name, value in wanted.items():
        tx.put(key(tx, "export", name), Export(name, value, stack.id))


def importers(tx: Tx, export: str) -> list[str]:
    """The names of the stacks that use an export."""
    return sorted(found.stack_name for found in tx.scan_prefix(Import, key(tx, "import", export)))


def join_names(names: list[str]) -> str:
    """`A`, `A and B`, `A, B and C`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def forget_old_imports(tx: Tx, stack: Stack) -> None:
    """Keep only the imports that the stack's template makes now."""
    template = values.template_of(tx, stack.desired)
    if "Fn::ImportValue" not in str(template) and not tx.scan_prefix(Import, key(tx, "import"), limit=1):
        return
    used: set[str] = set()
    names = values.names_of(stack.id, stack.name, tx.account, tx.region, stack.desired)

    def seen(name: str) -> str:
        used.add(name)
        export = tx.get(Export, key(tx, "export", name))
        return export.value if export is not None else ""

    evaluator = Evaluator(template, values.parameter_values(template, stack.desired), names, import_value=seen)
    for name in graph_of(tx, stack):
        definition = template["Resources"][name]
        evaluator.value([definition.get("Properties"), definition.get("Metadata")])
    for output in template.get("Outputs", {}).values():
        if output.get("Condition") is None or evaluator.condition(output["Condition"]):
            evaluator.value(output["Value"])
    for row, _ in tx.scan_prefix_items(Import, key(tx, "import")):
        if row[-1] == stack.uuid and row[-2] not in used:
            tx.delete(row)
