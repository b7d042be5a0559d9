"""Templates: reading them back, checking them, summing them up."""

from __future__ import annotations

import json
from typing import Any

from ballroom.kernel import Context, Request, Response, Tx, operation

from ..errors import ChangeSetNotFound, ValidationError
from ..fetch import template_text
from ..graph import dependencies
from ..resource_types.base import find_type
from ..resources import Stack, StoredTemplate, find_stack, load_template
from ..submit import check_declarations, parse
from ..template.evaluate import transform_name, transforms_of
from ..template.load import Template
from ..template.values import as_text
from ..transforms import check_known_transforms
from .change_sets import load_change_set


@operation("GetTemplate")
def get_template(tx: Tx, request: Request) -> Response:
    """A stack's or change set's template: as given, or as its transforms left it.

    Source: CloudFormation API Reference, GetTemplate; recorded cases test_stacks, test_transformers.
    """
    stored = _stored(tx, request)
    if stored is None:  # the CDK compares a new stack's template with this
        return {"StagesAvailable": ["Original", "Processed"]}
    if request.get("TemplateStage", "Original") == "Processed" and stored.is_transformed:
        body = stored.processed
    else:
        body = stored.original
    return {"TemplateBody": body, "StagesAvailable": ["Original", "Processed"]}


def _stored(tx: Tx, request: Request) -> StoredTemplate | None:
    """The template; None of a stack that exists only for its first change set."""
    if request.get("ChangeSetName"):
        if not request["ChangeSetName"].startswith("arn:") and not request.get("StackName"):
            raise ValidationError("StackName is a required parameter.")
        _, change_set = load_change_set(tx, request)
        if not change_set.desired.template:
            raise ChangeSetNotFound(f"ChangeSet [{change_set.name}] has no template")
        return load_template(tx, change_set.desired.template)
    name = request.get("StackName")
    if not name:
        raise ValidationError("StackName is required if ChangeSetName is not specified.")
    stack = find_stack(tx, name)
    if stack is None:
        raise ValidationError(f"Stack with id {name} does not exist")
    if stack.status == "REVIEW_IN_PROGRESS":
        return None
    return load_template(tx, stack.desired.template)


@operation("ValidateTemplate")
async def validate_template(ctx: Context, request: Request) -> Response:
    """Check a template's syntax and shape, and tell its parameters.

    Source: CloudFormation API Reference, ValidateTemplate.
    """
    template = await _checked(await template_text(ctx, request))
    answer: dict[str, Any] = {
        "Parameters": [
            _present(
                ParameterKey=name,
                DefaultValue=as_text(parameter["Default"]) if parameter.get("Default") is not None else None,
                NoEcho=as_text(parameter.get("NoEcho", False)).lower() == "true",
                Description=parameter.get("Description"),
            )
            for name, parameter in (template.get("Parameters") or {}).items()
        ],
        "DeclaredTransforms": [transform_name(entry) for entry in transforms_of(template)] or None,
        "Description": template.get("Description"),
    }
    return _present(**answer, **_capabilities(template))


async def _checked(text: str) -> Template:
    """The template, refused if no parameters could make it valid. One with transforms is looked at as it is."""
    template = await parse(text)
    check_known_transforms(template)
    check_declarations(template)
    if transforms_of(template):
        return template
    # With no condition known every branch counts: a cycle in a branch that is never taken is AWS's to refuse
    # too.
    dependencies(template, {})
    return template


def _capabilities(template: Template) -> dict[str, Any]:
    needed: dict[str, set[str]] = {}
    for resource in (template.get("Resources") or {}).values():
        if not isinstance(resource, dict) or not isinstance(resource.get("Type"), str):
            continue
        entry = find_type(resource["Type"])
        properties = resource.get("Properties")
        capability = entry.capability(properties if isinstance(properties, dict) else {}) if entry else None
        if capability is not None:
            needed.setdefault(capability, set()).add(resource["Type"])
    types = sorted(set().union(*needed.values())) if needed else []
    names = ["CAPABILITY_NAMED_IAM"] if "CAPABILITY_NAMED_IAM" in needed else sorted(needed)
    if any(transform_name(entry) != "AWS::Include" for entry in transforms_of(template)):
        names.append("CAPABILITY_AUTO_EXPAND")
    if not names:
        return {}
    reason = f"The following resource(s) require capabilities: [{', '.join(types)}]" if types else None
    return {"Capabilities": names, "CapabilitiesReason": reason}


@operation("GetTemplateSummary")
async def get_template_summary(ctx: Context, request: Request) -> Response:
    """Parameters, types and capabilities of a template or of a stack's.

    Source: CloudFormation API Reference, GetTemplateSummary; recorded cases test_templates.
    """
    if request.get("StackName"):
        if request.get("TemplateBody") or request.get("TemplateURL"):
            raise ValidationError("Specify only one of StackName, TemplateBody and TemplateURL")
        _, stored = ctx.transact(_stack_template, request["StackName"])
        template = await parse(stored.original)
        processed: Template = json.loads(stored.processed)
    else:
        template = processed = await _checked(await template_text(ctx, request))
    resources = {
        name: resource["Type"]
        for name, resource in processed["Resources"].items()
        if isinstance(resource, dict) and isinstance(resource.get("Type"), str)
    }
    metadata = template.get("Metadata")
    return _present(
        Parameters=[
            _parameter(name, parameter) for name, parameter in (template.get("Parameters") or {}).items()
        ],
        Description=template.get("Description"),
        ResourceTypes=sorted(set(resources.values())),
        Version=as_text(template.get("AWSTemplateFormatVersion", "2010-09-09")),
        Metadata=json.dumps(metadata) if metadata else None,
        DeclaredTransforms=[transform_name(entry) for entry in transforms_of(template)] or None,
        ResourceIdentifierSummaries=_identifiers(resources) or None,
        **_capabilities(processed),
    )


def _stack_template(tx: Tx, name: str) -> tuple[Stack, StoredTemplate]:
    stack = find_stack(tx, name)
    if stack is None:
        raise ValidationError(f"Stack with id {name} does not exist")
    if stack.status == "REVIEW_IN_PROGRESS":
        raise ValidationError("GetTemplateSummary cannot be called on REVIEW_IN_PROGRESS stacks.")
    return stack, load_template(tx, stack.desired.template)


def _parameter(name: str, parameter: dict[str, Any]) -> dict[str, Any]:
    allowed = parameter.get("AllowedValues")
    constraints = {
        "AllowedValues": [as_text(value) for value in allowed] if allowed else None,
        **{
            key: as_text(parameter[key]) if key in parameter else None
            for key in (
                "AllowedPattern",
                "ConstraintDescription",
                "MinLength",
                "MaxLength",
                "MinValue",
                "MaxValue",
            )
        },
    }
    return _present(
        ParameterKey=name,
        DefaultValue=as_text(parameter["Default"]) if parameter.get("Default") is not None else None,
        ParameterType=parameter.get("Type"),
        NoEcho=as_text(parameter.get("NoEcho", False)).lower() == "true",
        Description=parameter.get("Description"),
        ParameterConstraints={
            key: value for key, value in constraints.items() if value is not None and key == "AllowedValues"
        },
    )


def _identifiers(resources: dict[str, str]) -> list[dict[str, Any]]:
    summaries = []
    for kind in sorted(set(resources.values())):
        entry = find_type(kind)
        if entry is not None and entry.identifier:
            logical_ids = [name for name, type in resources.items() if type == kind]
            summaries.append(
                {
                    "ResourceType": kind,
                    "LogicalResourceIds": logical_ids,
                    "ResourceIdentifiers": list(entry.identifier),
                }
            )
    return summaries


def _present(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}
