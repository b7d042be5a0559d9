"""The resource types: one small entry each. Importing this package registers them all."""

from . import (
    cloudformation,
    iam,
    iam_policies,
    lambda_,
    lambda_access,
    lambda_versions,
    logs,
    s3,
    sqs,
    ssm,
    stepfunctions,
)

__all__ = [
    "cloudformation", "iam", "iam_policies", "lambda_", "lambda_access", "lambda_versions", "logs", "s3",
    "sqs", "ssm", "stepfunctions",
]  # fmt: skip
