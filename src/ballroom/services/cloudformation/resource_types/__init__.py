"""The resource types: one small entry each. Importing this package registers them all."""

from . import (
    cloudformation,
    dynamodb,
    iam,
    iam_policies,
    lambda_,
    lambda_access,
    lambda_versions,
    logs,
    s3,
    sqs,
    ssm,
)

__all__ = [
    "cloudformation", "dynamodb", "iam", "iam_policies", "lambda_", "lambda_access", "lambda_versions", "logs",
    "s3", "sqs", "ssm",
]  # fmt: skip
