"""Policies as tables: who, what, to what, under which conditions."""

from __future__ import annotations

import fnmatch
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballroom.kernel.policy import Access, Decision, PolicyError, Principal, decide, matches, parse_policy
from ballroom.kernel.policy.conditions import holds

ME = Principal("111111111111", "arn:aws:iam::111111111111:user/ann", "AIDAANN", "f" * 64)
SESSION = Principal("111111111111", "arn:aws:sts::111111111111:assumed-role/reader/s", "AROA:s")
OTHER = Principal("222222222222", "arn:aws:iam::222222222222:root", "222222222222")
NOBODY = Principal()
S3 = Principal(service="s3.amazonaws.com")


def decided(statement: dict[str, Any], principal: Principal = ME, **more: Any) -> Decision:
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]}
    access = Access(principal, more.pop("action", "s3:GetObject"), more.pop("resource", "arn:aws:s3:::b/k"),
                    {name.lower(): value for name, value in more.pop("context", {}).items()})  # fmt: skip
    return decide(parse_policy(json.dumps(document)), access)


ANYTHING = {"Principal": "*", "Action": "*", "Resource": "*"}


@pytest.mark.parametrize(
    ("principal", "asks", "named"),
    [
        ("*", NOBODY, True),
        ({"AWS": "*"}, NOBODY, True),
        ({"AWS": "111111111111"}, ME, True),
        ({"AWS": ["222222222222", "arn:aws:iam::111111111111:root"]}, ME, True),
        ({"AWS": "arn:aws:iam::111111111111:user/ann"}, ME, True),
        ({"AWS": "arn:aws:iam::111111111111:user/bob"}, ME, False),
        ({"AWS": "AIDAANN"}, ME, True),
        ({"AWS": "111111111111"}, OTHER, False),
        ({"AWS": "111111111111"}, NOBODY, False),
        ({"AWS": "arn:aws:iam::111111111111:role/a/path/reader"}, SESSION, True),
        ({"AWS": "arn:aws:sts::111111111111:assumed-role/reader/s"}, SESSION, True),
        ({"AWS": "arn:aws:iam::111111111111:role/writer"}, SESSION, False),
        ({"CanonicalUser": "f" * 64}, ME, True),
        ({"Service": "s3.amazonaws.com"}, S3, True),
        ({"Service": "sns.amazonaws.com"}, S3, False),
        ({"Service": "s3.amazonaws.com"}, ME, False),
    ],
)
def test_whom_a_principal_names(principal: Any, asks: Principal, named: bool) -> None:
    assert (decided({**ANYTHING, "Principal": principal}, asks) is Decision.ALLOW) is named
    statement = {"NotPrincipal": principal, "Action": "*", "Resource": "*"}
    assert (decided(statement, asks) is Decision.ALLOW) is not named


@pytest.mark.parametrize(
    ("element", "action", "speaks"),
    [
        ({"Action": "s3:GetObject"}, "s3:GetObject", True),
        ({"Action": "S3:getobject"}, "s3:GetObject", True),
        ({"Action": ["s3:Put*", "s3:Get?bject"]}, "s3:GetObject", True),
        ({"Action": "s3:*"}, "sqs:SendMessage", False),
        ({"NotAction": "s3:Delete*"}, "s3:GetObject", True),
        ({"NotAction": "s3:Get*"}, "s3:GetObject", False),
    ],
)
def test_of_which_actions_a_statement_speaks(element: dict[str, Any], action: str, speaks: bool) -> None:
    statement = {"Principal": "*", "Resource": "*", **element}
    assert (decided(statement, action=action) is Decision.ALLOW) is speaks


@pytest.mark.parametrize(
    ("element", "resource", "speaks"),
    [
        ({"Resource": "arn:aws:s3:::b/*"}, "arn:aws:s3:::b/k", True),
        ({"Resource": "arn:aws:s3:::b"}, "arn:aws:s3:::b/k", False),
        ({"Resource": "arn:aws:s3:::b/${aws:username}/*"}, "arn:aws:s3:::b/ann/x", True),
        ({"Resource": "arn:aws:s3:::b/${aws:username}/*"}, "arn:aws:s3:::b/bob/x", False),
        ({"Resource": "arn:aws:s3:::b/${aws:absent, 'k'}"}, "arn:aws:s3:::b/k", True),
        ({"Resource": "arn:aws:s3:::b/${aws:absent}*"}, "arn:aws:s3:::b/k", False),
        ({"Resource": "arn:aws:s3:::b/${*}"}, "arn:aws:s3:::b/k", False),
        ({"Resource": "arn:aws:s3:::b/${*}"}, "arn:aws:s3:::b/*", True),
        ({"NotResource": "arn:aws:s3:::b/secret/*"}, "arn:aws:s3:::b/k", True),
        ({"NotResource": "arn:aws:s3:::b/*"}, "arn:aws:s3:::b/k", False),
    ],
)
def test_of_which_resources_a_statement_speaks(element: dict[str, Any], resource: str, speaks: bool) -> None:
    statement = {"Principal": "*", "Action": "*", **element}
    context = {"aws:username": ("ann",)}
    assert (decided(statement, resource=resource, context=context) is Decision.ALLOW) is speaks


def test_what_a_variable_brings_in_is_no_wildcard() -> None:
    statement = {"Principal": "*", "Action": "*", "Resource": "arn:aws:s3:::b/${aws:username}"}
    evil = {"context": {"aws:username": ("*",)}}
    assert decided(statement, resource="arn:aws:s3:::b/secret", **evil) is Decision.OPEN
    assert decided(statement, resource="arn:aws:s3:::b/*", **evil) is Decision.ALLOW


def test_a_denial_wins_over_every_permission() -> None:
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:Get*", "Resource": "*"}
    policy = parse_policy(json.dumps({"Statement": [{"Effect": "Allow", **ANYTHING}, deny]}))
    assert decide(policy, Access(ME, "s3:GetObject", "r")) is Decision.DENY
    assert decide(policy, Access(ME, "s3:PutObject", "r")) is Decision.ALLOW


VALUES = {
    "k": ("ann",), "n": ("5",), "t": ("2026-01-02T00:00:00Z",), "yes": ("true",), "ip": ("10.1.2.3",),
    "arn": ("arn:aws:s3:::shelf",), "many": ("a", "b"), "six": ("2001:db8::1",), "bin": ("QUI=",),
}  # fmt: skip


@pytest.mark.parametrize(
    ("operator", "key", "wanted", "expected"),
    [
        ("StringEquals", "k", ("bob", "ann"), True),
        ("StringEquals", "K", ("Ann",), False),
        ("StringEqualsIgnoreCase", "k", ("ANN",), True),
        ("StringNotEquals", "k", ("bob",), True),
        ("StringNotEquals", "k", ("bob", "ann"), False),
        ("StringLike", "k", ("a*",), True),
        ("StringNotLike", "k", ("a?n",), False),
        ("StringEquals", "absent", ("x",), False),
        ("StringEqualsIfExists", "absent", ("x",), True),
        ("StringNotEquals", "absent", ("x",), True),
        ("Null", "absent", ("true",), True),
        ("Null", "k", ("true",), False),
        ("Null", "k", ("false",), True),
        ("NumericLessThanEquals", "n", ("5",), True),
        ("NumericGreaterThan", "n", ("5",), False),
        ("NumericEquals", "k", ("5",), False),
        ("NumericEquals", "n", ("5.0",), True),
        ("DateGreaterThan", "t", ("2026-01-01T00:00:00Z",), True),
        ("DateLessThan", "t", ("1767225600",), False),
        ("DateEquals", "t", ("nonsense",), False),
        ("Bool", "yes", ("TRUE",), True),
        ("Bool", "yes", ("false",), False),
        ("IpAddress", "ip", ("10.0.0.0/8",), True),
        ("NotIpAddress", "ip", ("10.0.0.0/8",), False),
        ("IpAddress", "six", ("2001:db8::/32",), True),
        ("IpAddress", "k", ("10.0.0.0/8",), False),
        ("ArnLike", "arn", ("arn:aws:s3:*:*:sh*",), True),
        ("ArnEquals", "arn", ("arn:aws:s3:::shelf",), True),
        ("ArnNotLike", "arn", ("arn:aws:s3:*:*:sh*",), False),
        ("BinaryEquals", "bin", ("QUI=",), True),
        ("ForAllValues:StringEquals", "many", ("a", "b", "c"), True),
        ("ForAllValues:StringEquals", "many", ("a",), False),
        ("ForAllValues:StringEquals", "absent", ("a",), True),
        ("ForAnyValue:StringEquals", "many", ("b",), True),
        ("ForAnyValue:StringEquals", "absent", ("b",), False),
        ("ForAnyValue:StringNotEquals", "many", ("a",), True),
    ],
)
def test_condition_operators(operator: str, key: str, wanted: tuple[str, ...], expected: bool) -> None:
    assert holds(operator, key, wanted, VALUES) is expected


@pytest.mark.parametrize(
    ("document", "kind"),
    [
        ("", "json"), ("[]", "json"), ("{", "json"), ("{}", "missing"), ('{"Statement": []}', "empty"),
        ('{"Statement": 5}', "syntax"), ('{"Version": "x", "Statement": [{}]}', "version"),
        ('{"Statement": [{}]}', "missing"), ('{"Statement": ["x"]}', "syntax"),
        ('{"Statement": [{"Effect": "allow"}]}', "effect"),
        ('{"Statement": [{"Effect": "Allow", "Principal": "x"}]}', "principal"),
        ('{"Statement": [{"Effect": "Allow", "Principal": {"Who": "x"}}]}', "principal"),
        ('{"Statement": [{"Effect": "Allow"}]}', "missing"),
        ('{"Statement": [{"Effect": "Allow", "Action": [5]}]}', "syntax"),
        ('{"Statement": [{"Effect": "Allow", "Action": "x", "NotAction": "y"}]}', "both"),
        ('{"Statement": [{"Effect": "Allow", "Action": "x", "Condition": {"Eq": {}}}]}', "operator"),
        ('{"Statement": [{"Effect": "Allow", "Action": "x", "Condition": {"Bool": 5}}]}', "syntax"),
        ('{"Statement": [{"Effect": "Allow", "Action": "x", "Condition": {"Bool": {"k": {}}}}]}', "syntax"),
        ('{"Statement": [{"Effect": "Allow", "Action": "x", "Other": 1}]}', "unknown"),
        ('{"Statement": ' + "[" * 5000 + "]" * 5000 + "}", "json"),
    ],
)  # fmt: skip
def test_what_is_no_policy_is_refused(document: str, kind: str) -> None:
    with pytest.raises(PolicyError) as caught:
        parse_policy(document)
    assert caught.value.kind == kind


@given(pattern=st.text("ab*?", max_size=8), text=st.text("ab", max_size=10))
def test_wildcards_mean_what_the_shell_means(pattern: str, text: str) -> None:
    assert matches(pattern, text) is fnmatch.fnmatchcase(text, pattern)


def test_a_hostile_pattern_takes_no_time() -> None:
    assert not matches("*a" * 200 + "b", "a" * 5000)
