"""From a request to a stack's desired state: template, transforms, parameters, capabilities.

Everything that can be refused is refused here, before anything is stored.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import unquote, urlsplit

from ballroom.kernel import Context, Request, ServiceError, Tx
from ballroom.kernel.http import ByteStream

from .engine import values
from .errors import InsufficientCapabilities, ValidationError
from .graph import dependencies
from .resource_types.base import find_type
from .resources import Desired, Stack, StoredTemplate, key, load_template
from .sam.client import SamHelper
from .sam.helper import SAM
from .template import extensions
from .template.evaluate import Evaluator, StackNames, has_transform, transform_name, transforms_of
from .template.load import BODY_LIMIT, S3_LIMIT, Template, load
from .template.parameters import Given, check_types, give, is_hidden, resolve
from .template.patterns import matches_apart
from .template.shape import check_parameter, check_shape
from .template.values import as_text

INCLUDE = "AWS::Include"
MACROS = (SAM, extensions.NAME, INCLUDE)
_S3_HOST = re.compile(r"(?:(?P<bucket>.+)\.)?s3[.-](?:[a-z0-9-]+\.)?amazonaws\.com(?:\.cn)?\Z")
_REGION = re.compile(r"(?:(?P<bucket>.+)\.)?s3[.-][a-z0-9.-]*\Z")


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


# -- reading the template ----------------------------------------------------------------------------


async def template_text(ctx: Context, request: Request, previous: str | None = None) -> str:
    """The text of the template that the request names.

    Raises:
        ValidationError: none or several are given, or it is too large or cannot be read.
    """
    given = [name for name in ("TemplateBody", "TemplateURL") if request.get(name)]
    if request.get("UsePreviousTemplate"):
        if given:
            raise ValidationError("Specify exactly one of TemplateBody, TemplateURL or UsePreviousTemplate")
        if previous is None:
            raise ValidationError("Previous template cannot be used: the stack has none")
        return previous
    if len(given) != 1:
        raise ValidationError("Either Template URL or Template Body must be specified.")
    if given == ["TemplateBody"]:
        body: str = request["TemplateBody"]
        if len(body.encode()) > BODY_LIMIT:
            raise ValidationError(
                "1 validation error detected: Value at 'templateBody' failed to satisfy constraint: "
                "Member must have "
                f"length less than or equal to {BODY_LIMIT}"
            )
        return body
    return await read_object(ctx, request["TemplateURL"], S3_LIMIT)


async def read_object(ctx: Context, url: str, limit: int) -> str:
    """The text of an S3 object by its URL.

    Raises:
        ValidationError: not a URL of S3, or not there, or too large.
    """
    bucket, name, version = locate(ctx, url)
    try:
        answer = await ctx.call(
            "s3", "GetObject", {"Bucket": bucket, "Key": name} | ({"VersionId": version} if version else {})
        )
    except ServiceError as error:
        if error.shape == "NoSuchBucket":
            raise ValidationError(f"S3 bucket [{bucket}] does not exist.") from None
        raise ValidationError(f"S3 error: {error.text or error.shape}") from None
    body = answer["Body"]
    if isinstance(body, ByteStream):
        content = b""
        while len(content) <= limit and (chunk := await body.read(65536)):
            content += chunk
    elif isinstance(body, bytes):
        content = body
    else:
        content = b"".join([chunk async for chunk in body])
    if len(content) > limit:
        raise ValidationError(f"Template may not exceed {limit} bytes in size.")
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise ValidationError("Template format error: the template is not UTF-8 text") from None


def locate(ctx: Context, url: str) -> tuple[str, str, str | None]:
    """Bucket, key and version of a URL: virtual-hosted or path style, AWS's host names or ours.

    Source: recorded case test_create_stack_from_s3_template_url.
    """
    parts = urlsplit(url)
    if parts.scheme == "s3":
        raise ValidationError(f"S3 error: Domain name specified in {parts.netloc} is not a valid S3 domain")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValidationError("TemplateURL must be a supported URL.")
    version = next((v[10:] for v in parts.query.split("&") if v.startswith("versionId=")), None)
    host, path = parts.hostname, unquote(parts.path.lstrip("/"))
    match = _S3_HOST.match(host) or _REGION.match(host)
    ours = urlsplit(ctx.kernel.settings.base_url).hostname
    if match is not None and match.group("bucket"):
        return match.group("bucket"), path, version
    if match is not None or host in (ours, "localhost", "127.0.0.1", "::1", "localhost.localstack.cloud"):
        bucket, _, name = path.partition("/")
        if bucket and name:
            return bucket, name, version
    raise ValidationError("TemplateURL must be a supported URL.")


# -- preparing ---------------------------------------------------------------------------------------


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
    template = load(text)
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
    transforms = _transforms(template)
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
    if not _transforms(template):
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


def _transforms(template: Template) -> list[str]:
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
    unknown = {name for name in _transforms(template) if name not in MACROS} | _macro_calls(template)
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
    unknown = sorted({r["Type"] for r in template["Resources"].values() if find_type(r["Type"]) is None})
    if unknown:
        raise ValidationError(f"Template format error: Unrecognized resource types: [{', '.join(unknown)}]")
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
    graph = dependencies(template, conditions)
    for name in graph:
        resource = template["Resources"][name]
        evaluator.value([resource.get("Properties"), resource.get("Metadata")])
    for output in template.get("Outputs", {}).values():
        if conditions.get(output.get("Condition", ""), True):
            evaluator.value([output["Value"], output.get("Export")])
    _check_rules(template, evaluator)


def _check_rules(template: Template, evaluator: Evaluator) -> None:
    if template.get("Rules"):
        raise ValidationError("Ballroom does not support the Rules section of templates yet")


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


Check = Callable[[Tx], None]
