"""What AWS says about policy documents that it refuses."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.services.iam.helpers import ALLOW, TRUST, statement

from ballroom.services.iam.documents import check_identity_policy, check_trust_policy
from ballroom.services.iam.errors import MalformedPolicyDocument

SYNTAX = "Syntax errors in policy."


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ("no json", SYNTAX),
        (" " + ALLOW, "JSON strings must not have leading spaces"),
        ("[]", SYNTAX),
        ('{"Version": "2012-10-17"}', SYNTAX),
        ('{"Version": "2013-10-17", "Statement": []}', SYNTAX),
        ('{"Version": "2012-10-17", "Statement": ["x"]}', SYNTAX),
        ('{"Version": "2012-10-17", "Statement": [], "More": 1}', SYNTAX),
        (statement(Effect="allow"), SYNTAX),
        (statement(Effect=None), SYNTAX),
        (statement(Other=1), SYNTAX),
        (statement(NotAction="s3:*"), SYNTAX),
        (statement(Action={"a": 1}), SYNTAX),
        (statement(Condition=[]), SYNTAX),
        (statement(Condition={"NoSuchOperator": {"a": "b"}}), SYNTAX),
        (statement(Condition={"StringEquals": {"a": {"b": "c"}}}), SYNTAX),
        (statement(Action=None), "Policy statement must contain actions."),
        (statement(Resource=None), "Policy statement must contain resources."),
        (statement(Resource=[]), "Policy statement must contain resources."),
        (statement(Principal="*"), "Policy document should not specify a principal."),
        (
            statement(Action="GetObject"),
            "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
        ),
        (statement(Action="s3:Get:Object"), "Actions/Condition can contain only one colon."),
        (statement(Action="a a:Get"), "Vendor a a is not valid"),
        (statement(Resource="bucket"), 'Resource bucket must be in ARN format or "*".'),
        (
            statement(Resource="arn:nowhere:s3:::b"),
            'Partition "nowhere" is not valid for resource "arn:nowhere:s3:::b".',
        ),
        (
            statement(Resource="arn:aws:::b:x"),
            "Resource vendor must be fully qualified and cannot contain regexes.",
        ),
        (statement(Resource="arn:aws:s3::b"), "The policy failed legacy parsing"),
        (
            statement(Resource="arn:aws:s3:us-east-1::b"),
            "Resource arn:aws:s3:us-east-1::b can not contain region information.",
        ),
        (
            statement(Resource="arn:aws:iam:us-east-1::role/r"),
            "IAM resource arn:aws:iam:us-east-1::role/r cannot contain region information.",
        ),
        (
            json.dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [
                        {"Sid": "a", "Effect": "Allow", "Action": "*", "Resource": "*"},
                        {"Sid": "a", "Effect": "Deny", "Action": "*", "Resource": "*"},
                    ],
                }
            ),
            "Statement IDs (SID) in a single policy must be unique.",
        ),
    ],
)
def test_an_identity_policy_is_refused(document: str, text: str) -> None:
    with pytest.raises(MalformedPolicyDocument) as refused:
        check_identity_policy(document)
    assert refused.value.text == text


@pytest.mark.parametrize(
    "document",
    [
        ALLOW,
        statement(Action=["s3:*", "lambda:Invoke?unction"], Resource=["arn:aws:s3:::b/*", "arn:aws:sqs:*:*:q"]),
        statement(NotAction="iam:*", Action=None, NotResource="arn:aws:s3:::b", Resource=None),
        statement(Resource="arn:aws:iam::000000000000:role/r"),
        statement(Resource="arn:aws:s3:::home/${aws:username}/*"),
        statement(Resource="arn:aws:logs:*"),
        statement(
            Condition={"ForAllValues:StringLikeIfExists": {"aws:TagKeys": ["a", "b"]}, "Bool": {"x": True}}
        ),
        '{"Statement": {"Effect": "Deny", "Action": "*", "Resource": "*"}}',
    ],
)
def test_an_identity_policy_is_accepted(document: str) -> None:
    check_identity_policy(document)


def test_a_managed_policy_needs_the_current_version() -> None:
    document = ALLOW.replace("2012-10-17", "2008-10-17")
    check_identity_policy(document)
    with pytest.raises(MalformedPolicyDocument, match=r"must be version 2012-10-17 or greater"):
        check_identity_policy(document, managed=True)


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ("no json", "This policy contains invalid Json"),
        (statement(Action="sts:AssumeRole", Resource="*", Principal="*"), "Has prohibited field Resource"),
        (statement(Action="sts:AssumeRole", Resource=None), "Missing required field Principal"),
        (statement(Action=None, Resource=None, Principal="*"), "Missing required field Action"),
        (
            statement(Resource=None, Principal="*"),
            "AssumeRole policy may only specify STS AssumeRole actions.",
        ),
        (
            statement(Action="sts:AssumeRole", Resource=None, Principal={"AWS": "me"}),
            'Invalid principal in policy: "AWS":"me"',
        ),
        (
            statement(Action="sts:AssumeRole", Resource=None, Principal={"Service": "lambda"}),
            'Invalid principal in policy: "SERVICE":"lambda"',
        ),
    ],
)
def test_a_trust_policy_is_refused(document: str, text: str) -> None:
    with pytest.raises(MalformedPolicyDocument) as refused:
        check_trust_policy(document)
    assert refused.value.text == text


def test_a_trust_policy_tells_whom_it_names() -> None:
    assert check_trust_policy(TRUST) == []
    principal = {"AWS": ["111111111111", "arn:aws:iam::111111111111:root", "*"]}
    document = statement(Action=["sts:AssumeRole", "sts:TagSession"], Resource=None, Principal=principal)
    assert check_trust_policy(document) == principal["AWS"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["Allow", "*", "s3:Get"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["Version", "Statement", "Effect", "Action", "Resource", "Principal", "Condition", "Sid", "AWS"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_any_json_is_a_policy_or_is_refused(document: object) -> None:
    for check in (check_identity_policy, check_trust_policy):
        with contextlib.suppress(MalformedPolicyDocument):
            check(json.dumps(document))
