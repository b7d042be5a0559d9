"""Policies of users, groups and roles: what they allow, on what."""

from __future__ import annotations

import re

from ballroom.services.iam.errors import MalformedPolicyDocument

from .syntax import SYNTAX, VERSIONS, Statement, parse, statements, strings

_ELEMENTS = {
    "Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition", "Principal", "NotPrincipal",
}
_VENDOR = re.compile(r"[a-zA-Z0-9.\-]+", re.ASCII)
_PARTITIONS = {"aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f", "aws-eusc", "*"}
_IAM_PATHS = (
    "user/", "federated-user/", "role/", "group/", "instance-profile/", "mfa/", "server-certificate/",
    "policy/", "sms-mfa/", "saml-provider/", "oidc-provider/", "report/", "access-report/",
)


def check_identity_policy(text: str, *, managed: bool = False) -> None:
    """Refuse what AWS refuses in a policy of an identity; `managed` ones need the current version.

    Raises:
        MalformedPolicyDocument: with AWS's text for the first rule broken.

    Source: IAM User Guide, "Grammar of the IAM JSON policy language".
    """
    document = parse(text)
    listed = statements(document)
    if managed and document.get("Version") != VERSIONS[1]:
        raise MalformedPolicyDocument("Policy document must be version 2012-10-17 or greater.")
    for statement in listed:
        _check(statement)


def _check(statement: Statement) -> None:
    if not statement.keys() <= _ELEMENTS:
        raise MalformedPolicyDocument(SYNTAX)
    if "Principal" in statement or "NotPrincipal" in statement:
        raise MalformedPolicyDocument("Policy document should not specify a principal.")
    actions = strings(statement.get("Action", statement.get("NotAction", [])))
    resources = strings(statement.get("Resource", statement.get("NotResource", [])))
    for action in actions:
        check_action(action)
    for resource in resources:
        check_resource(resource)
    if not actions:
        raise MalformedPolicyDocument("Policy statement must contain actions.")
    if not resources:
        raise MalformedPolicyDocument("Policy statement must contain resources.")


def check_action(action: str) -> None:
    """`*`, or one vendor, one colon, and a name that may hold wildcards."""
    if action == "*":
        return
    vendor, colon, name = action.partition(":")
    if not colon:
        raise MalformedPolicyDocument(
            "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
        )
    if ":" in name:
        raise MalformedPolicyDocument("Actions/Condition can contain only one colon.")
    if not _VENDOR.fullmatch(vendor):
        raise MalformedPolicyDocument(f"Vendor {vendor} is not valid")


def check_resource(resource: str) -> None:
    """`*`, or an ARN whose parts make sense for its service."""
    if resource == "*":
        return
    parts = resource.split(":", 5)
    if parts[0] != "arn":
        raise MalformedPolicyDocument(f'Resource {resource} must be in ARN format or "*".')
    if len(parts) > 1 and parts[1] not in _PARTITIONS and "$" not in parts[1]:
        raise MalformedPolicyDocument(f'Partition "{parts[1]}" is not valid for resource "{resource}".')
    if len(parts) > 2 and (not parts[2] or "?" in parts[2] or ("*" in parts[2] and parts[2:] != ["*"])):
        raise MalformedPolicyDocument("Resource vendor must be fully qualified and cannot contain regexes.")
    if len(parts) < 6:
        if parts[-1] == "*" and len(parts) > 2:
            return  # a wildcard covers the parts that follow
        raise MalformedPolicyDocument("The policy failed legacy parsing")
    _, _, service, region, _, path = parts
    if service == "s3" and region and region != "*":
        raise MalformedPolicyDocument(f"Resource {resource} can not contain region information.")
    if service == "iam":
        if region and region != "*":
            raise MalformedPolicyDocument(f"IAM resource {resource} cannot contain region information.")
        if not (path.startswith(("*", "$", "root")) or path.startswith(_IAM_PATHS)):
            raise MalformedPolicyDocument(
                f'IAM resource path must either be "*" or start with {", ".join(_IAM_PATHS)}.'
            )
