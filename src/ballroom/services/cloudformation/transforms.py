"""A template's transforms: AWS::Include, AWS::LanguageExtensions and AWS::Serverless, in this order."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from ballroom.kernel import Context, ServiceError

from .errors import ValidationError
from .fetch import read_object
from .sam.client import SamHelper
from .sam.helper import SAM
from .template import extensions
from .template.evaluate import Evaluator, StackNames, has_transform, transform_name, transforms_of
from .template.load import S3_LIMIT, Template, load
from .template.parameters import Given
from .template.values import as_text

INCLUDE = "AWS::Include"
MACROS = (SAM, extensions.NAME, INCLUDE)


def names_of_transforms(template: Template) -> list[str]:
    """Every transform that the template uses, declared or within."""
    declared = [transform_name(entry) for entry in transforms_of(template)]
    return declared + ([INCLUDE] if _has_include(template) and INCLUDE not in declared else [])


def _has_include(node: Any) -> bool:
    if isinstance(node, dict):
        return "Fn::Transform" in node or any(_has_include(item) for item in node.values())
    return isinstance(node, list) and any(_has_include(item) for item in node)


def check_known_transforms(template: Template) -> None:
    """Refuse macros: Ballroom has the transforms that AWS hosts, and runs nobody else's.

    Raises:
        ValidationError: naming them.
    """
    unknown = {name for name in names_of_transforms(template) if name not in MACROS} | _macro_calls(template)
    if unknown:
        raise ValidationError(
            f"Ballroom does not support CloudFormation macros: no transform named {', '.join(sorted(unknown))}"
        )


def _macro_calls(node: Any) -> set[str]:
    found: set[str] = set()
    if isinstance(node, dict):
        if "Fn::Transform" in node:
            name = transform_name(node["Fn::Transform"])
            if name != INCLUDE:
                found.add(name)
        for item in node.values():
            found |= _macro_calls(item)
    elif isinstance(node, list):
        for item in node:
            found |= _macro_calls(item)
    return found


async def transform(
    ctx: Context, template: Template, found: dict[str, Any], given: Given, names: StackNames
) -> Template:
    """The template after all of its transforms."""
    if _has_include(template):
        evaluator = Evaluator(template, found, names)
        template = await _include(ctx, template, evaluator, 0)
    template = extensions.extend(template, found, names)
    if has_transform(template, SAM):
        texts = dict(given.values) | {
            name: ",".join(value) if isinstance(value, list) else as_text(value)
            for name, value in found.items()
        }
        helper = ctx.kernel.state(SamHelper)
        template = await helper.transform(template, texts | {"AWS::Region": names.region}, names.region)
        template.pop("Transform", None)
    elif "Transform" in template:
        template = {name: section for name, section in template.items() if name != "Transform"}
    return template


async def _include(ctx: Context, node: Any, evaluator: Evaluator, depth: int) -> Any:
    if isinstance(node, list):
        return [await _include(ctx, item, evaluator, depth) for item in node]
    if not isinstance(node, dict):
        return node
    result = {
        name: await _include(ctx, item, evaluator, depth)
        for name, item in node.items()
        if name != "Fn::Transform"
    }
    if "Fn::Transform" not in node:
        return result
    location = evaluator.value((node["Fn::Transform"].get("Parameters") or {}).get("Location"))
    if not isinstance(location, str) or depth > 5:
        raise ValidationError("Transform AWS::Include failed with: The Location parameter must be an S3 URL")
    included = await _included(ctx, location)
    if not isinstance(included, dict):
        return result or included
    return {**included, **result}


async def _included(ctx: Context, location: str) -> Any:
    parts = urlsplit(location)
    url = location
    if parts.scheme == "s3":
        url = f"https://{parts.netloc}.s3.amazonaws.com{parts.path}"
    try:
        return load(await read_object(ctx, url, S3_LIMIT))
    except ServiceError as error:
        raise ValidationError(f"Transform AWS::Include failed with: {error.text}") from None
