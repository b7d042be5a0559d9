from __future__ import annotations

import json
import time

import pytest
from tests.cloud import Cloud

ROLE = "arn:aws:iam::000000000000:role/app/runner"


def a_role(cloud: Cloud, **settings: object) -> str:
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"AWS": "000000000000"}, "Action": "sts:AssumeRole"}],
    }
    given = {"RoleName": "runner", "Path": "/app/", "AssumeRolePolicyDocument": json.dumps(trust), **settings}
    role_id: str = cloud.iam("CreateRole", **given)["Role"]["RoleId"]
    return role_id


def test_a_caller_learns_who_it_is(cloud: Cloud) -> None:
    caller = cloud.caller(account="111111111111", user_id="AIDAX", arn="arn:aws:iam::111111111111:user/u")
    assert cloud.sts("GetCallerIdentity", caller) == {
        "UserId": "AIDAX", "Account": "111111111111", "Arn": "arn:aws:iam::111111111111:user/u",
    }  # fmt: skip


def test_an_assumed_roles_credentials_are_found_with_their_token(cloud: Cloud) -> None:
    role_id = a_role(cloud)
    before = time.time()
    answer = cloud.sts("AssumeRole", RoleArn=ROLE, RoleSessionName="me", DurationSeconds=900)
    session = "arn:aws:sts::000000000000:assumed-role/runner/me"
    assert answer["AssumedRoleUser"] == {"AssumedRoleId": f"{role_id}:me", "Arn": session}
    given = answer["Credentials"]
    assert given["AccessKeyId"].startswith("ASIA")
    held = cloud.kernel.credentials.find(given["AccessKeyId"])
    assert held is not None
    assert (held.secret, held.session_token) == (given["SecretAccessKey"], given["SessionToken"])
    assert (held.account, held.arn, held.user_id) == ("000000000000", session, f"{role_id}:me")
    assert held.expires_ms == given["Expiration"]
    assert before + 899 <= held.expires_ms / 1000 <= time.time() + 901


def test_credentials_expire_by_real_time_whatever_the_products_clock_says(cloud: Cloud) -> None:
    a_role(cloud)
    cloud.clock.advance(days=400)
    given = cloud.sts("AssumeRole", RoleArn=ROLE, RoleSessionName="me")["Credentials"]
    assert given["Expiration"] / 1000 <= time.time() + 3601
    cloud.clock.advance(days=400)
    assert cloud.kernel.credentials.find(given["AccessKeyId"]) is not None


def test_credentials_long_expired_are_removed(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    a_role(cloud)
    given = cloud.sts("AssumeRole", RoleArn=ROLE, RoleSessionName="me")["Credentials"]
    later = given["Expiration"] + 25 * 3600 * 1000
    monkeypatch.setattr("ballroom.services.sts.credentials.real_now_ms", lambda: later)
    cloud.clock.advance(days=2)
    assert cloud.kernel.credentials.find(given["AccessKeyId"]) is None


@pytest.mark.parametrize("arn", ["arn:aws:iam::000000000000:role/no", "arn:aws:iam::000000000000:role/runner"])
def test_a_role_that_does_not_exist_is_denied(cloud: Cloud, arn: str) -> None:
    a_role(cloud)
    error = cloud.error("sts", "AssumeRole", RoleArn=arn, RoleSessionName="me")
    assert (error.shape, error.status) == ("AccessDenied", 403)
    caller = "arn:aws:iam::000000000000:root"
    assert error.text == f"User: {caller} is not authorized to perform: sts:AssumeRole on resource: {arn}"


def test_a_session_is_no_longer_than_the_role_allows(cloud: Cloud) -> None:
    a_role(cloud)
    error = cloud.error("sts", "AssumeRole", RoleArn=ROLE, RoleSessionName="me", DurationSeconds=3601)
    assert error.shape == "ValidationError"
    assert error.text == "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."


def test_a_role_remembers_its_last_use(cloud: Cloud) -> None:
    a_role(cloud)
    cloud.sts("AssumeRole", RoleArn=ROLE, RoleSessionName="me")
    used = cloud.iam("GetRole", RoleName="runner")["Role"]["RoleLastUsed"]
    assert used == {"LastUsedDate": cloud.clock.now_ms // 1000 * 1000, "Region": "us-east-1"}


def test_session_policies_and_tags_are_weighed(cloud: Cloud) -> None:
    a_role(cloud)
    tags = [{"Key": "team", "Value": "cars"}]
    answer = cloud.sts("AssumeRole", RoleArn=ROLE, RoleSessionName="me", Tags=tags, SourceIdentity="ann")
    assert answer["PackedPolicySize"] > 0
    assert answer["SourceIdentity"] == "ann"
    error = cloud.error("sts", "AssumeRole", RoleArn=ROLE, RoleSessionName="me", Policy="no json")
    assert error.shape == "MalformedPolicyDocumentException"


def test_a_session_token_keeps_the_callers_identity(cloud: Cloud) -> None:
    caller = cloud.caller(arn="arn:aws:iam::000000000000:user/u", user_id="AIDAX")
    given = cloud.sts("GetSessionToken", caller)["Credentials"]
    held = cloud.kernel.credentials.find(given["AccessKeyId"])
    assert held is not None
    assert (held.arn, held.user_id) == (caller.arn, "AIDAX")
    session = cloud.caller(arn="arn:aws:sts::000000000000:assumed-role/r/s")
    assert cloud.error("sts", "GetSessionToken", session).shape == "AccessDenied"


def test_a_federated_user_gets_a_name(cloud: Cloud) -> None:
    answer = cloud.sts("GetFederationToken", Name="guest")
    assert answer["FederatedUser"] == {
        "FederatedUserId": "000000000000:guest", "Arn": "arn:aws:sts::000000000000:federated-user/guest",
    }  # fmt: skip


def test_a_key_tells_its_account(cloud: Cloud) -> None:
    def account(key_id: str) -> str:
        found: str = cloud.sts("GetAccessKeyInfo", AccessKeyId=key_id)["Account"]
        return found

    other = cloud.caller(account="222222222222")
    cloud.iam("CreateUser", other, UserName="u")
    issued = cloud.iam("CreateAccessKey", other, UserName="u")["AccessKey"]["AccessKeyId"]
    assert account(issued) == "222222222222"
    assert account("AKIAIOSFODNN7EXAMPLE") == "581039954779"  # the id that AWS's documents use
    assert cloud.error("sts", "GetAccessKeyInfo", AccessKeyId="no-key-of-anybody").shape == "ValidationError"


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        ("AssumeRoleWithWebIdentity", {"RoleArn": ROLE, "RoleSessionName": "me", "WebIdentityToken": "tokn"}),
        ("DecodeAuthorizationMessage", {"EncodedMessage": "x"}),
        ("GetSessionToken", {"SerialNumber": "123456789", "TokenCode": "123456"}),
    ],
)
def test_what_cannot_be_answered_honestly_is_refused(
    cloud: Cloud, operation: str, request_: dict[str, str]
) -> None:
    assert cloud.error("sts", operation, **request_).shape == "NotImplemented"
