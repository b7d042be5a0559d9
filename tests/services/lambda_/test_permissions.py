from __future__ import annotations

import json
from typing import Any

import pytest
from tests.cloud import Cloud
from tests.services.lambda_.floor import ARN, a_function

from ballroom.services.lambda_.errors import PolicyLengthExceeded
from ballroom.services.lambda_.policy import url_is_public


def permit(cloud: Cloud, sid: str = "s", **more: Any) -> dict[str, Any]:
    request = {"StatementId": sid, "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com", **more}
    answer = cloud.call("lambda", "AddPermission", FunctionName="f", **request)
    return dict(json.loads(answer["Statement"]))


def test_a_statement_has_awss_form(cloud: Cloud) -> None:
    a_function(cloud)
    statement = permit(
        cloud, Principal="*", Action="lambda:InvokeFunctionUrl", SourceAccount="000000000000",
        FunctionUrlAuthType="NONE", PrincipalOrgID="o-1234567890", SourceArn="arn:aws:s3:::b",
    )  # fmt: skip
    assert statement == {
        "Sid": "s", "Effect": "Allow", "Principal": "*", "Action": "lambda:InvokeFunctionUrl",
        "Resource": f"{ARN}:f",
        "Condition": {
            "StringEquals": {
                "AWS:SourceAccount": "000000000000",
                "lambda:FunctionUrlAuthType": "NONE",
                "aws:PrincipalOrgID": "o-1234567890",
            },
            "ArnLike": {"AWS:SourceArn": "arn:aws:s3:::b"},
        },
    }  # fmt: skip


def test_a_policy_belongs_to_its_qualifier(cloud: Cloud) -> None:
    a_function(cloud, Publish=True)
    statement = permit(cloud, Qualifier="1")
    assert statement["Resource"] == f"{ARN}:f:1"
    assert cloud.error("lambda", "GetPolicy", FunctionName="f").shape == "ResourceNotFoundException"
    policy = json.loads(cloud.call("lambda", "GetPolicy", FunctionName="f", Qualifier="1")["Policy"])
    assert policy == {"Version": "2012-10-17", "Id": "default", "Statement": [statement]}


def test_a_statement_id_is_taken_once_and_the_last_takes_the_policy_along(cloud: Cloud) -> None:
    a_function(cloud)
    permit(cloud)
    error = cloud.error(
        "lambda", "AddPermission", FunctionName="f", StatementId="s", Action="lambda:InvokeFunction",
        Principal="*",
    )  # fmt: skip
    assert error.text.startswith("The statement id (s) provided already exists.")
    missing = cloud.error("lambda", "RemovePermission", FunctionName="f", StatementId="none")
    assert missing.text == "Statement none is not found in resource policy."
    cloud.call("lambda", "RemovePermission", FunctionName="f", StatementId="s")
    gone = cloud.error("lambda", "GetPolicy", FunctionName="f")
    assert gone.text == "The resource you requested does not exist."


def test_a_policy_changes_only_from_the_revision_that_was_read(cloud: Cloud) -> None:
    a_function(cloud)
    permit(cloud, "one")
    first = cloud.call("lambda", "GetPolicy", FunctionName="f")["RevisionId"]
    permit(cloud, "two", RevisionId=first)
    error = cloud.error("lambda", "RemovePermission", FunctionName="f", StatementId="one", RevisionId=first)
    assert (error.shape, error.status) == ("PreconditionFailedException", 412)


def test_a_policy_stays_below_20_kb(cloud: Cloud) -> None:
    a_function(cloud)
    sids = (f"{'x' * 90}{n}" for n in range(200))
    with pytest.raises(PolicyLengthExceeded):
        all(permit(cloud, sid) for sid in sids)


def test_a_public_url_needs_both_permissions() -> None:
    url = {
        "Effect": "Allow", "Principal": "*", "Action": "lambda:InvokeFunctionUrl", "Resource": "r",
        "Condition": {"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}},
    }  # fmt: skip
    via_url = {
        "Effect": "Allow", "Principal": "*", "Action": "lambda:InvokeFunction", "Resource": "r",
        "Condition": {"Bool": {"lambda:InvokedViaFunctionUrl": "true"}},
    }  # fmt: skip
    assert url_is_public([url, via_url], "NONE")
    assert not url_is_public([url], "NONE")
    assert not url_is_public([via_url], "NONE")
    for_iam = {**url, "Condition": {"StringEquals": {"lambda:FunctionUrlAuthType": "AWS_IAM"}}}
    assert not url_is_public([for_iam, via_url], "NONE")
    for_someone = {**url, "Principal": {"AWS": "arn:aws:iam::111111111111:root"}}
    assert not url_is_public([for_someone, via_url], "NONE")
    unknown = {**via_url, "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}
    assert not url_is_public([url, unknown], "NONE")  # a condition that cannot be judged grants nothing
