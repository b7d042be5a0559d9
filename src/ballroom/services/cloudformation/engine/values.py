"""The values of a stack's template, from what is stored."""

from __future__ import annotations

import re
from collections import OrderedDict
from typing import Any

from ballroom.kernel import Kernel, ServiceError, Tx
from ballroom.kernel.arn import partition_of

from ..errors import ValidationError
from ..resource_types.base import Failure, find_type
from ..resources import (
    Desired,
    Export,
    Import,
    Resource,
    Stack,
    from_json,
    key,
    load_template,
)
from ..template.evaluate import Evaluator, Known, StackNames
from ..template.load import Template
from ..template.parameters import HIDDEN, Given, resolve

DYNAMIC = re.compile(r"\{\{resolve:([a-z-]+):([^{}]+)\}\}")
_CACHED = 32


class Templates:
    """Processed templates, parsed: a stack of many resources reads its own many times."""

    def __init__(self, kernel: Kernel) -> None:
        self._parsed: OrderedDict[str, Template] = OrderedDict()

    def get(self, tx: Tx, template_id: str) -> Template:
        """The processed template. Do not change it."""
        found = self._parsed.get(template_id)
        if found is None:
            found = from_json(load_template(tx, template_id).processed)
            self._parsed[template_id] = found
            if len(self._parsed) > _CACHED:
                self._parsed.popitem(last=False)
        else:
            self._parsed.move_to_end(template_id)
        return found


def template_of(tx: Tx, desired: Desired) -> Template:
    """The processed template of a stack."""
    return tx.kernel.state(Templates).get(tx, desired.template)


def names_of(stack_id: str, stack_name: str, account: str, region: str, desired: Desired) -> StackNames:
    """What the pseudo parameters give."""
    return StackNames(
        stack_id, stack_name, account, region, partition_of(region), tuple(desired.notification_arns)
    )


def evaluator(
    tx: Tx,
    stack: Stack,
    desired: Desired,
    resources: dict[str, Resource] | None,
    *,
    hide: bool = False,
    importing: bool = True,
) -> Evaluator:
    """An evaluator with what is known of the stack now.

    Args:
        tx: the transaction.
        stack: the stack.
        desired: which of its states: the one it has or the one before.
        resources: those that exist; None: all are unknown.
        hide: show parameters with NoEcho as stars.
        importing: whether the imports found are recorded, and must exist.
    """
    template = template_of(tx, desired)
    values = parameter_values(template, desired)
    if hide:
        values |= dict.fromkeys(desired.hidden, HIDDEN)
    known = {
        name: known_resource(resource) for name, resource in (resources or {}).items() if resource.physical_id
    }
    names = names_of(stack.id, stack.name, tx.account, tx.region, desired)
    return Evaluator(
        template, values, names, known, (lambda name: import_value(tx, stack, name)) if importing else None
    )


def parameter_values(template: Template, desired: Desired) -> dict[str, Any]:
    """What `Ref` gives for each parameter."""
    return resolve(template, Given(dict(desired.parameters)), desired.fetched)


def known_resource(resource: Resource) -> Known:
    """What is known of a resource that exists."""
    attributes = from_json(resource.attributes)
    entry = find_type(resource.type)
    if entry is not None and not entry.open_attributes:
        attributes = {name: value for name, value in attributes.items() if name in entry.attributes}
    return Known(resource.physical_id, attributes)


def import_value(tx: Tx, stack: Stack, name: str) -> str:
    """Another stack's export; that this stack uses it is recorded.

    Raises:
        ValidationError: nobody exports it.
    """
    export = tx.get(Export, key(tx, "export", name))
    if export is None:
        raise ValidationError(f"No export named {name} found.")
    tx.put(key(tx, "import", name, stack.uuid), Import(stack.id, stack.name))
    return export.value


def resolve_dynamic(tx: Tx, value: Any) -> Any:
    """`value` with its dynamic references replaced.

    Raises:
        Failure: the parameter does not exist, or the reference is to a service that Ballroom lacks.
    """
    if isinstance(value, str):
        return DYNAMIC.sub(lambda match: _fetch(tx, match.group(1), match.group(2)), value)
    if isinstance(value, dict):
        return {name: resolve_dynamic(tx, item) for name, item in value.items()}
    return [resolve_dynamic(tx, item) for item in value] if isinstance(value, list) else value


def _fetch(tx: Tx, service: str, reference: str) -> str:
    if service not in ("ssm", "ssm-secure"):
        raise Failure(
            f"Ballroom does not support dynamic references to {service}: {{{{resolve:{service}:...}}}}"
        )
    try:
        return fetch_parameter(tx, reference, secure=service == "ssm-secure")
    except ServiceError as error:
        raise Failure(f"Parameters: [{reference}] cannot be resolved: {error.text or error.shape}") from None


def fetch_parameter(tx: Tx, reference: str, *, secure: bool = False) -> str:
    """The value of a Systems Manager parameter, by `name` or `name:version`."""
    answer = tx.call("ssm", "GetParameter", {"Name": reference, "WithDecryption": secure})
    parameter = answer["Parameter"]
    if parameter["Type"] == "SecureString" and not secure:
        raise ServiceError.of(
            "ValidationError", f"Parameter {reference} is a SecureString; use {{{{resolve:ssm-secure:...}}}}"
        )
    return str(parameter["Value"])
