"""IAM against what AWS answered.

The recordings were made through CloudFormation; here the same resources are made directly, so the
stack's own outputs are left out.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import pytest

from ballroom.kernel import Caller
from tests.cloud import Cloud
from tests.vectors.recorded import VECTORS, Case, assert_same, cases, needs_recordings

ACCOUNT = "111111111111"
Steps = Callable[[Cloud, Caller], dict[str, Any]]


def user(key: str) -> Steps:
    def steps(cloud: Cloud, me: Caller) -> dict[str, Any]:
        cloud.iam("CreateUser", me, UserName="somebody")
        return {key: cloud.iam("GetUser", me, UserName="somebody")}

    return steps


def access_key(cloud: Cloud, me: Caller) -> dict[str, Any]:
    cloud.iam("CreateUser", me, UserName="somebody")
    first = cloud.iam("CreateAccessKey", me, UserName="somebody")["AccessKey"]
    (listed,) = cloud.iam("ListAccessKeys", me, UserName="somebody")["AccessKeyMetadata"]
    cloud.iam("DeleteAccessKey", me, AccessKeyId=first["AccessKeyId"], UserName="somebody")
    second = cloud.iam("CreateAccessKey", me, UserName="somebody")["AccessKey"]["AccessKeyId"]
    cloud.iam("UpdateAccessKey", me, UserName="somebody", AccessKeyId=second, Status="Inactive")
    (updated,) = cloud.iam("ListAccessKeys", me, UserName="somebody")["AccessKeyMetadata"]
    outputs = {name: first[name] for name in ("AccessKeyId", "SecretAccessKey")}
    return {"key_outputs": outputs, "access_key": listed, "access_key_updated": updated}


def managed_policy(cloud: Cloud, me: Caller) -> dict[str, Any]:
    table = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/t"
    statement = {"Effect": "Allow", "Action": "dynamodb:DescribeTable", "Resource": [table]}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    created = cloud.iam("CreatePolicy", me, PolicyName="some-policy", PolicyDocument=document)
    return {"managed_policy": cloud.iam("GetPolicy", me, PolicyArn=created["Policy"]["Arn"])}


def document_of(key: str, action: str, resource: str) -> Steps:
    def steps(cloud: Cloud, me: Caller) -> dict[str, Any]:
        statement = {"Effect": "Allow", "Action": action, "Resource": resource}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        arn = cloud.iam("CreatePolicy", me, PolicyName="p", PolicyDocument=document)["Policy"]["Arn"]
        version = cloud.iam("GetPolicyVersion", me, PolicyArn=arn, VersionId="v1")["PolicyVersion"]
        return {key: json.loads(unquote(version["Document"]))}

    return steps


def server_certificate(cloud: Cloud, me: Caller) -> dict[str, Any]:
    template = (VECTORS / "iam/data/templates/iam_server_certificate.yaml").read_text()
    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    lines = template[template.index(begin) : template.index(end)].split()[2:]
    body = "\n".join(["-----BEGIN CERTIFICATE-----", *(line for line in lines if "-" not in line), end])
    name = {"ServerCertificateName": "cert"}
    cloud.iam("UploadServerCertificate", me, **name, CertificateBody=body, PrivateKey="unused")
    answers = {"certificate": cloud.iam("GetServerCertificate", me, **name)}
    cloud.iam("DeleteServerCertificate", me, **name)
    return {**answers, "get_server_certificate_error": cloud.error("iam", "GetServerCertificate", me, **name)}


_BASIC = "resource_providers/aws_iam_user/test_basic_user.py::TestBasicCRD::"
_IAM = "resource_providers/test_iam.py::"
STEPS: dict[str, Steps] = {
    _BASIC + "test_black_box": user("describe-resource"),
    _BASIC + "test_getatt": user("describe-resource"),
    _IAM + "test_iam_username_defaultname": user("get_iam_user"),
    _IAM + "test_iam_user_access_key": access_key,
    _IAM + "test_managed_policy_with_empty_resource": managed_policy,
    _IAM + "test_server_certificate": server_certificate,
    _IAM + "test_managedpolicy_with_fn_sub_json_string": document_of(
        "policy_document", "s3:GetObject", "arn:aws:s3:::bucket-my-cluster-us-east-1/*"
    ),
    _IAM + "test_managedpolicy_with_fn_sub_multiline_yaml": document_of(
        "policy_document_multiline",
        "eks:DescribeCluster",
        f"arn:aws:eks:us-east-1:{ACCOUNT}:cluster/my-cluster",
    ),
}


@needs_recordings
@pytest.mark.parametrize("case", cases("iam"), ids=str)
def test_recorded(cloud: Cloud, case: Case) -> None:
    assert_same(case, STEPS[case.name](cloud, cloud.caller(account=ACCOUNT)))
