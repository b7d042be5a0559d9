"""The resource types: one small entry each. Importing this package registers them all."""

from . import (
    cloudformation,
    events,
    iam,
    iam_policies,
    lambda_,
    lambda_access,
    lambda_versions,
    logs,
    s3,
    schemas,
    sqs,
    ssm,
)

__all__ = [
    "cloudformation", "events", "iam", "iam_policies", "lambda_", "lambda_access", "lambda_versions", "logs",
    "s3", "schemas", "sqs", "ssm",
]  # fmt: skip
