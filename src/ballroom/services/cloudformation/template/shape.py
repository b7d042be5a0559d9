"""What every template must look like, before any value in it is known.

Texts are AWS's. What only a value can tell (an unknown map key, a missing parameter) is checked where the
value is computed.

Source: CloudFormation User Guide, "Template anatomy", "Quotas"; recorded cases test_validations,
test_changesets.
"""

from __future__ import annotations

from typing import Any

from ..errors import ValidationError
from .load import Template
from .references import walk_functions

SECTIONS = frozenset(
    {
        "AWSTemplateFormatVersion", "Conditions", "Description", "Hooks", "Mappings", "Metadata", "Outputs",
        "Parameters", "Resources", "Rules", "Transform",
    }
)  # fmt: skip
RESOURCE_KEYS = frozenset(
    {
        "Condition", "CreationPolicy", "DeletionPolicy", "DependsOn", "Description", "Metadata", "Properties",
        "Type", "UpdatePolicy", "UpdateReplacePolicy", "Version",
    }
)  # fmt: skip
PARAMETER_KEYS = frozenset(
    {
        "AllowedPattern", "AllowedValues", "ConstraintDescription", "Default", "Description", "MaxLength",
        "MaxValue", "MinLength", "MinValue", "NoEcho", "Type",
    }
)  # fmt: skip
LIMITS = {"Resources": ("resources", 500), "Parameters": ("parameters", 200), "Outputs": ("outputs", 200),
          "Mappings": ("mappings", 200)}  # fmt: skip
POLICIES = ("Delete", "Retain", "RetainExceptOnCreate", "Snapshot")


def check_shape(template: Template) -> None:
    """Refuse a template that no parameters could make valid. Loops must be expanded already.

    Raises:
        ValidationError: with AWS's text for the first rule that is broken.
    """
    unknown = [key for key in template if key not in SECTIONS]
    if unknown:
        raise ValidationError(f"Invalid template property or properties [{', '.join(unknown)}]")
    version = template.get("AWSTemplateFormatVersion")
    if version is not None and version != "2010-09-09":
        raise ValidationError(
            f"Template format error: {version} is not a supported value for AWSTemplateFormatVersion."
        )
    description = template.get("Description")
    if description is not None and not isinstance(description, str):
        raise ValidationError("Template format error: Description must be a string.")
    if description and len(description.encode()) > 1024:
        raise ValidationError("Template format error: 'Description' length is greater than 1024.")
    for section in ("Parameters", "Mappings", "Conditions", "Resources", "Outputs", "Rules"):
        _check_section(template, section)
    if not template.get("Resources"):
        raise ValidationError("Template format error: At least one Resources member must be defined.")
    for name, parameter in template.get("Parameters", {}).items():
        check_parameter(name, parameter)
    _check_mappings(template.get("Mappings", {}))
    for name, resource in template["Resources"].items():
        _check_resource(name, resource)
    for name, output in template.get("Outputs", {}).items():
        _check_output(name, output)
    _check_references(template)


def _check_section(template: Template, section: str) -> None:
    members = template.get(section)
    if members is None:
        template.pop(section, None)
        return
    if not isinstance(members, dict):
        raise ValidationError(f"Template format error: {section} must be an object.")
    singular = section.removesuffix("s")
    for name in members:
        ok = (
            name.isascii()
            and (name.replace("-", "").replace(".", "") if section == "Mappings" else name).isalnum()
        )
        if not ok:
            raise ValidationError(f"Template format error: {singular} name {name} is non alphanumeric.")
        if len(name) > 255:
            raise ValidationError(
                f"Template format error: {singular} name {name} is longer than 255 characters."
            )
    plural, limit = LIMITS.get(section, ("", 0))
    if limit and len(members) > limit:
        raise ValidationError(
            f"Template format error: Number of {plural}, {len(members)}, is greater than maximum allowed, "
            f"{limit}"
        )


def check_parameter(name: str, parameter: Any) -> None:
    """Refuse a declaration that no parameter can have."""
    if not isinstance(parameter, dict):
        raise ValidationError("Template format error: Any Parameters member must be an object.")
    for key in parameter:
        if key not in PARAMETER_KEYS:
            raise ValidationError(f"Invalid template parameter property '{key}'")
    if "Type" not in parameter:
        raise ValidationError("Template format error: Every Parameters object must contain a Type member.")
    if isinstance(parameter.get("Default"), dict | list):
        raise ValidationError("Template format error: Every Default member must be a string.")
    if not isinstance(parameter.get("AllowedValues", []), list):
        raise ValidationError("Template format error: Every AllowedValues member must be a list.")


def _check_mappings(mappings: dict[str, Any]) -> None:
    for name, mapping in mappings.items():
        if not isinstance(mapping, dict) or not all(isinstance(level, dict) for level in mapping.values()):
            if name == "Fn::Transform" or (isinstance(mapping, dict) and "Fn::Transform" in mapping):
                continue
            raise ValidationError("Template format error: Every Mappings member must be an object.")
        for level in mapping.values():
            for value in level.values():
                if isinstance(value, dict):
                    raise ValidationError(
                        "Template format error: Every Mappings attribute must be a String or a List."
                    )


def _check_resource(name: str, resource: Any) -> None:
    if not isinstance(resource, dict):
        raise ValidationError("Template format error: Any Resources member must be an object.")
    if not isinstance(resource.get("Type"), str) or not resource["Type"]:
        raise ValidationError(
            f"Template format error: [/Resources/{name}] Every Resources object must contain a Type member."
        )
    for key in resource:
        if key not in RESOURCE_KEYS:
            raise ValidationError(f"Invalid template resource property '{key}'")
    if not isinstance(resource.get("Properties", {}), dict | None):
        raise ValidationError(f"Template format error: [/Resources/{name}] Properties must be an object.")
    if not isinstance(resource.get("Condition", ""), str):
        raise ValidationError("Template format error: Every Condition member must be a string.")
    depends = resource.get("DependsOn", [])
    if not isinstance(depends, str | list) or not all(isinstance(item, str) for item in depends):
        raise ValidationError(
            f"Template format error: [/Resources/{name}] Every DependsOn value must be a string."
        )
    for policy in ("DeletionPolicy", "UpdateReplacePolicy"):
        value = resource.get(policy)
        if value is not None and not isinstance(value, dict) and value not in POLICIES:
            raise ValidationError(f"Template format error: Unrecognized {policy} {value} for resource {name}")


def _check_output(name: str, output: Any) -> None:
    if not isinstance(output, dict):
        raise ValidationError("Template format error: Any Outputs member must be an object.")
    if "Value" not in output or output["Value"] is None:
        raise ValidationError("Template format error: Every Outputs member must contain a Value object")
    for key in output:
        if key not in ("Value", "Description", "Export", "Condition"):
            raise ValidationError(f"Invalid template output property '{key}'")
    export = output.get("Export")
    if export is not None and (not isinstance(export, dict) or set(export) != {"Name"}):
        raise ValidationError(f"Template format error: Output {name} must have an Export with a Name.")
    if not isinstance(output.get("Condition", ""), str):
        raise ValidationError("Template format error: Every Condition member must be a string.")


def _check_references(template: Template) -> None:
    """Everything that is named must exist; functions that name a resource must be well formed."""
    resources, parameters = template["Resources"], template.get("Parameters", {})
    conditions, mappings = template.get("Conditions", {}), template.get("Mappings", {})
    known = resources.keys() | parameters.keys()
    for section in ("Conditions", "Resources", "Outputs"):
        missing: set[str] = set()
        for found in walk_functions(_evaluated(template, section)):
            missing |= {name for name in found.names if name not in known and not name.startswith("AWS::")}
            if section == "Conditions" and (found.names & resources.keys()):
                used = ", ".join(sorted(found.names & resources.keys()))
                raise ValidationError(
                    f"Template format error: Unresolved dependencies [{used}]. Cannot reference resources "
                    "in the "
                    "Conditions block of the template"
                )
            for name in found.attributes_of:
                if name not in resources:
                    raise ValidationError(
                        f"Template error: instance of Fn::GetAtt references undefined resource {name}"
                    )
            for name in found.conditions:
                if name not in conditions:
                    raise ValidationError(
                        f"Template format error: Unresolved condition dependency {name} in the {section} "
                        "block of the "
                        "template"
                    )
            for name in found.mappings:
                if name not in mappings:
                    raise ValidationError(
                        f"Template error: Mapping named '{name}' is not present in the 'Mappings' section "
                        "of template."
                    )
        if section == "Resources":
            missing |= {
                name
                for resource in resources.values()
                for name in depends_on(resource)
                if name not in resources
            }
        if missing:
            raise ValidationError(
                f"Template format error: Unresolved resource dependencies [{', '.join(sorted(missing))}] "
                "in the "
                f"{section} block of the template"
            )
        for member in template.get(section, {}).values() if section != "Conditions" else ():
            if (name := member.get("Condition")) is not None and name not in conditions:
                raise ValidationError(
                    f"Template format error: Unresolved condition dependency {name} in the {section} block "
                    "of the "
                    "template"
                )


def _evaluated(template: Template, section: str) -> Any:
    if section != "Resources":
        return template.get(section, {})
    return [
        {key: resource.get(key) for key in ("Properties", "Metadata", "DeletionPolicy", "UpdateReplacePolicy",
                                            "CreationPolicy", "UpdatePolicy")}
        for resource in template["Resources"].values()
    ]  # fmt: skip


def depends_on(resource: dict[str, Any]) -> list[str]:
    """The resource's explicit dependencies."""
    names = resource.get("DependsOn") or []
    return [names] if isinstance(names, str) else list(names)
