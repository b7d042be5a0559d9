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
    sns,
    sqs,
    ssm,
)

__all__ = [
    "cloudformation", "iam", "iam_policies", "lambda_", "lambda_access", "lambda_versions", "logs", "s3",
    "sns", "sqs", "ssm",
]  # fmt: skip
