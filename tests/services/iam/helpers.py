"""What the tests of IAM say often."""

from __future__ import annotations

import json
from typing import Any

from tests.cloud import Cloud

ACCOUNT_ARN = "arn:aws:iam::000000000000"
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)
ALLOW = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
)


def a_role(cloud: Cloud, name: str = "r", **settings: Any) -> dict[str, Any]:
    role: dict[str, Any] = cloud.iam(
        "CreateRole", **{"RoleName": name, "AssumeRolePolicyDocument": TRUST, **settings}
    )["Role"]
    return role


def a_policy(cloud: Cloud, name: str = "p", document: str = ALLOW, **settings: Any) -> str:
    answer = cloud.iam("CreatePolicy", PolicyName=name, PolicyDocument=document, **settings)
    arn: str = answer["Policy"]["Arn"]
    return arn


def statement(**members: Any) -> str:
    """A policy document of one statement; a member given as None is left out."""
    made = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", **members}
    made = {name: value for name, value in made.items() if value is not None}
    return json.dumps({"Version": "2012-10-17", "Statement": [made]})
