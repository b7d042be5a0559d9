"""STS against what AWS answered."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from ballroom.kernel import Caller
from tests.cloud import Cloud
from tests.vectors.recorded import Case, assert_same, cases, needs_recordings

ACCOUNT = "111111111111"
Steps = Callable[[Cloud, Caller], dict[str, Any]]


def trust(*actions: str) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": ACCOUNT},
        "Action": list(actions) if len(actions) > 1 else actions[0],
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def assume_role(cloud: Cloud, me: Caller) -> dict[str, Any]:
    document = trust("sts:AssumeRole")
    created = cloud.iam("CreateRole", me, RoleName="role-a", AssumeRolePolicyDocument=document)
    arn = created["Role"]["Arn"]
    return {
        "role-session-name": {"RoleSessionName": "s1"},
        "create-role": created,
        "assume-role": cloud.sts("AssumeRole", me, RoleArn=arn, RoleSessionName="s1"),
    }


def tag_validation(cloud: Cloud, me: Caller) -> dict[str, Any]:
    document = trust("sts:AssumeRole", "sts:TagSession")
    created = cloud.iam("CreateRole", me, RoleName="role-a", AssumeRolePolicyDocument=document)
    given = {"RoleArn": created["Role"]["Arn"], "RoleSessionName": "s1"}
    one = [{"Key": "SessionTag1", "Value": "v"}]
    two = [*one, {"Key": "sessiontag1", "Value": "v"}]
    return {
        "role-1": created,
        "invalid-transitive-tag-keys": cloud.error(
            "sts", "AssumeRole", me, **given, Tags=one, TransitiveTagKeys=["InvalidKey"]
        ),
        "duplicate-tag-keys-different-casing": cloud.error("sts", "AssumeRole", me, **given, Tags=two),
    }


STEPS: dict[str, Steps] = {
    "test_sts.py::TestSTSIntegrations::test_assume_role": assume_role,
    "test_sts.py::TestSTSAssumeRoleTagging::test_assume_role_tag_validation": tag_validation,
}


@needs_recordings
@pytest.mark.parametrize("case", cases("sts"), ids=str)
def test_recorded(cloud: Cloud, case: Case) -> None:
    assert_same(case, STEPS[case.name](cloud, cloud.caller(account=ACCOUNT)))
