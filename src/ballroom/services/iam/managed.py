"""Managed policies by ARN: the account's own, and AWS's, which are known by the form of their ARN.

AWS publishes over a thousand; the few that serverless templates use are here with their documents.
Attaching any other works (nothing evaluates policies yet); reading its document is refused.
"""

from __future__ import annotations

import re

import orjson

from ballroom.kernel import NotImplementedHere, Tx

from .errors import InvalidInput, NoSuchEntity
from .resources import Policy, key

_AWS_ARN = re.compile(
    r"arn:aws[a-z\-]*:iam::aws:policy/((?:service-role/|job-function/|aws-service-role/|root-task/)?)([\w+=,.@\-]+)",
    re.ASCII,
)
_LOGS = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
_SQS = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
_DOCUMENTS: dict[str, list[str]] = {
    "service-role/AWSLambdaBasicExecutionRole": _LOGS,
    "service-role/AWSLambdaSQSQueueExecutionRole": [*_SQS, *_LOGS],
    "service-role/AWSLambdaDynamoDBExecutionRole": [
        "dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator",
        "dynamodb:ListStreams", *_LOGS,
    ],
    "AdministratorAccess": ["*"],
    "AmazonS3FullAccess": ["s3:*", "s3-object-lambda:*"],
    "AmazonS3ReadOnlyAccess": [
        "s3:Get*", "s3:List*", "s3:Describe*", "s3-object-lambda:Get*", "s3-object-lambda:List*",
    ],
    "AmazonSQSFullAccess": ["sqs:*"],
    "AWSXRayDaemonWriteAccess": [
        "xray:PutTraceSegments", "xray:PutTelemetryRecords", "xray:GetSamplingRules",
        "xray:GetSamplingTargets", "xray:GetSamplingStatisticSummaries",
    ],
}


def aws_policy(arn: str) -> tuple[str, str] | None:
    """The path and name of an AWS managed policy, `None` if the ARN is none of AWS's."""
    found = _AWS_ARN.fullmatch(arn)
    return (f"/{found[1]}", found[2]) if found else None


def aws_document(arn: str) -> str:
    """The document of an AWS managed policy.

    Raises:
        NotImplementedHere: it is not among those that Ballroom carries.
    """
    found = aws_policy(arn)
    actions = _DOCUMENTS.get(f"{found[0]}{found[1]}".lstrip("/")) if found else None
    if actions is None:
        raise NotImplementedHere(f"Ballroom does not carry the document of the AWS managed policy {arn}.")
    statement = {"Effect": "Allow", "Action": actions[0] if len(actions) == 1 else actions, "Resource": "*"}
    return orjson.dumps({"Version": "2012-10-17", "Statement": [statement]}).decode()


def find_policy(tx: Tx, arn: str) -> Policy | None:
    """The account's own policy of that ARN."""
    prefix, slash, rest = arn.partition("/")
    parts = prefix.split(":")
    if not slash or len(parts) != 6 or parts[2] != "iam" or parts[4] != tx.account or parts[5] != "policy":
        return None
    path, _, name = rest.rpartition("/")
    policy = tx.get(Policy, key(tx, "policy", name.lower()))
    if policy is None or policy.name != name or policy.path != (f"/{path}/" if path else "/"):
        return None
    return policy


def load_policy(tx: Tx, arn: str) -> Policy:
    """The account's own policy of that ARN.

    Raises:
        NoSuchEntity: there is none.
        InvalidInput: the text is no policy's ARN.
    """
    check_arn(arn)
    policy = find_policy(tx, arn)
    if policy is None:
        raise NoSuchEntity(f"Policy {arn} was not found.")
    return policy


def check_arn(arn: str) -> None:
    """Refuse what is no ARN of a policy.

    Raises:
        InvalidInput: AWS's text.
    """
    parts = arn.split(":", 5)
    if len(parts) != 6 or parts[0] != "arn":
        raise InvalidInput(f"ARN {arn} is not valid.")


def check_attachable(tx: Tx, arn: str) -> None:
    """Refuse policies that do not exist.

    Raises:
        NoSuchEntity: AWS's text.
    """
    check_arn(arn)
    if aws_policy(arn) is None and find_policy(tx, arn) is None:
        raise NoSuchEntity(f"Policy {arn} does not exist or is not attachable.")


def check_boundary(tx: Tx, arn: str) -> None:
    """Refuse boundaries that do not exist.

    Raises:
        NoSuchEntity: AWS's text.
    """
    check_arn(arn)
    if aws_policy(arn) is None and find_policy(tx, arn) is None:
        raise NoSuchEntity(f"Scope ARN: {arn} does not exist or is not attachable.")
