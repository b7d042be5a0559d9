"""From a request to a stack's desired state: template, transforms, parameters, capabilities.

Everything that can be refused is refused here, before anything is stored.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from ballroom.kernel import Context, Request, ServiceError, Tx

from .engine import values
from .errors import InsufficientCapabilities, ValidationError
from .graph import active_resources, dependencies
from .resource_types.base import find_type
from .resources import Desired, Stack, StoredTemplate, key, load_template
from .template.evaluate import Evaluator, StackNames
from .template.load import Template, load
from .template.parameters import Given, check_types, give, is_hidden, resolve
from .template.patterns import matches_apart
from .template.rules import check_rules
from .template.shape import check_parameter, check_shape
from .transforms import INCLUDE, check_known_transforms, names_of_transforms, transform

PARSED_AT_ONCE = 16_384
"""Longer templates are parsed beside the loop: a megabyte of YAML takes seconds."""


@dataclass(slots=True)
class Prepared:
    """A request's template and parameters, ready to become a stack's desired state."""

    original: str
    template: Template
    """As written."""
    processed: Template
    given: Given
    fetched: dict[str, str]
    transforms: list[str]
    refusal: ServiceError | None = None
    """What only shows after the transforms: a change set fails with it, other requests are refused."""
    values: dict[str, Any] = field(default_factory=dict)

    @property
    def is_transformed(self) -> bool:
        """Whether a transform made the processed template."""
        return bool(self.transforms)


async def parse(text: str) -> Template:
    """The template, without holding up anybody else."""
    return load(text) if len(text) <= PARSED_AT_ONCE else await asyncio.to_thread(load, text)


async def prepare(
    ctx: Context, request: Request, names: StackNames, text: str, stack: Stack | None = None
) -> Prepared:
    """The template with its transforms applied, and the parameters.

    Args:
        ctx: of the request.
        request: CreateStack, UpdateStack or CreateChangeSet.
        names: of the stack that it is for.
        text: the template.
        stack: the existing stack (for previous values).

    Raises:
        ValidationError: the template or the parameters are refused.
    """
    template = await parse(text)
    check_known_transforms(template)
    wire = request.get("Parameters", [])
    previous = stack.desired.parameters if stack is not None else None
    check_declarations(template)
    given = give(template, wire, previous)
    for pattern, value, refusal in given.slow:
        if not await matches_apart(pattern, value):
            raise refusal
    fetched = await _fetch(ctx, given)
    found = resolve(template, given, fetched)
    transforms = names_of_transforms(template)
    processed = await transform(ctx, template, found, given, names)
    prepared = Prepared(text, template, processed, given, fetched, transforms, values=found)
    try:
        check_whole(processed, found, names)
        _check_capabilities(prepared, request)
    except ServiceError as refusal:
        if not transforms:
            raise
        prepared.refusal = refusal
    return prepared


def check_declarations(template: Template) -> None:
    """The shape of a template without transforms; of one with them, what its parameters need."""
    if not names_of_transforms(template):
        check_shape(template)
    else:
        parameters = template.get("Parameters") or {}
        if not isinstance(parameters, dict):
            raise ValidationError("Template format error: Parameters must be an object.")
        for name, parameter in parameters.items():
            if not name.isalnum():
                raise ValidationError(f"Template format error: Parameter name {name} is non alphanumeric.")
            check_parameter(name, parameter)
        if not template.get("Resources") or not isinstance(template["Resources"], dict):
            raise ValidationError("Template format error: At least one Resources member must be defined.")
        if template.get("Parameters", parameters) is None:
            del template["Parameters"]
    check_types(template)


async def _fetch(ctx: Context, given: Given) -> dict[str, str]:
    """The values that parameters take from Systems Manager."""
    fetched = {}
    for name, reference in given.lookups.items():
        try:
            fetched[name] = ctx.transact(values.fetch_parameter, reference)
        except ServiceError as error:
            if error.shape != "ParameterNotFound":
                raise ValidationError(f"Parameter {name}: {error.text}") from None
            raise ValidationError(
                f"Unable to fetch parameters [{reference}] from parameter store for this account."
            ) from None
    return fetched


def check_whole(template: Template, found: dict[str, Any], names: StackNames) -> None:
    """Refuse a template, after its transforms, that cannot become a stack.

    Raises:
        ValidationError: its shape, unknown types, cycles, or a value that is wrong already.
    """
    check_shape(template)
    for name, resource in template["Resources"].items():
        for policy in ("DeletionPolicy", "UpdateReplacePolicy"):
            if resource.get(policy) == "Snapshot":
                raise ValidationError(f"Template error: resource {name} does not support {policy} Snapshot")
    if "{{resolve:secretsmanager:" in json.dumps(template):
        raise ValidationError(
            "Ballroom does not support dynamic references to secretsmanager: {{resolve:secretsmanager:...}}"
        )
    evaluator = Evaluator(template, found, names)
    conditions = evaluator.conditions()
    # AWS has every type that its own templates name; what is not to be created may be a type that we lack
    active = active_resources(template, conditions).values()
    unknown = sorted({resource["Type"] for resource in active if find_type(resource["Type"]) is None})
    if unknown:
        raise ValidationError(f"Template format error: Unrecognized resource types: [{', '.join(unknown)}]")
    graph = dependencies(template, conditions)
    for name in graph:
        resource = template["Resources"][name]
        evaluator.value([resource.get("Properties"), resource.get("Metadata")])
    for output in template.get("Outputs", {}).values():
        if conditions.get(output.get("Condition", ""), True):
            evaluator.value([output["Value"], output.get("Export")])
    check_rules(template, evaluator)


def required_capabilities(prepared: Prepared, *, direct: bool) -> list[str]:
    """What the request must acknowledge.

    Args:
        prepared: the template.
        direct: without a change set to look at: transforms need an acknowledgement too.
    """
    needed = set()
    for resource in prepared.processed["Resources"].values():
        entry = find_type(resource["Type"])
        capability = entry.capability(resource.get("Properties") or {}) if entry is not None else None
        if capability is not None:
            needed.add(capability)
    if "CAPABILITY_NAMED_IAM" in needed:
        needed.discard("CAPABILITY_IAM")
    macros = [name for name in prepared.transforms if name not in (INCLUDE,)]
    if direct and macros:
        needed.add("CAPABILITY_AUTO_EXPAND")
    return sorted(needed)


def _check_capabilities(prepared: Prepared, request: Request) -> None:
    granted = set(request.get("Capabilities", []))
    if "CAPABILITY_NAMED_IAM" in granted:
        granted.add("CAPABILITY_IAM")
    direct = "ChangeSetName" not in request
    missing = [name for name in required_capabilities(prepared, direct=direct) if name not in granted]
    if missing:
        raise InsufficientCapabilities(missing)
    allowed = request.get("ResourceTypes")
    if allowed:
        for resource in prepared.processed["Resources"].values():
            if not any(fnmatchcase(resource["Type"], pattern) for pattern in allowed):
                raise ValidationError(
                    f"Resource type {resource['Type']} is not allowed by parameter ResourceTypes "
                    f"[{', '.join(allowed)}]"
                )


def desired_of(tx: Tx, prepared: Prepared, request: Request, stack: Stack | None) -> Desired:
    """Store the template; the state that the request asks for."""
    template_id = tx.ids.uuid()
    tx.put(
        key(tx, "template", template_id),
        StoredTemplate(prepared.original, json.dumps(prepared.processed), prepared.is_transformed),
    )
    before = stack.desired if stack is not None else None
    tags = request.get("Tags")
    description = prepared.processed.get("Description")
    return Desired(
        template=template_id,
        parameters=prepared.given.values,
        fetched=prepared.fetched,
        hidden=[name for name in prepared.given.values if is_hidden(prepared.template, name)],
        tags={tag["Key"]: tag["Value"] for tag in tags}
        if tags is not None
        else (before.tags if before else {}),
        capabilities=list(request.get("Capabilities", [])),
        description=description,
        notification_arns=_kept(request, "NotificationARNs", before.notification_arns if before else []),
        role_arn=request.get("RoleARN", before.role_arn if before else None),
        rollback_configuration=json.dumps(
            _kept(request, "RollbackConfiguration", json.loads(before.rollback_configuration) if before else {})
        ),
    )


def _kept(request: Request, name: str, before: Any) -> Any:
    return request.get(name, before)


def previous_text(tx: Tx, stack: Stack) -> str:
    """The stack's template as it was given."""
    return load_template(tx, stack.desired.template).original
