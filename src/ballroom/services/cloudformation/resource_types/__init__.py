"""The resource types: one small entry each. Importing this package registers them all."""

from . import (
    cloudformation,
    ecr,
    iam,
    iam_policies,
    lambda_,
    lambda_access,
    lambda_versions,
    logs,
    pipes,
    s3,
    scheduler,
    sqs,
    ssm,
    stepfunctions,
)

__all__ = [
    "cloudformation", "ecr", "iam", "iam_policies", "lambda_", "lambda_access", "lambda_versions", "logs",
    "pipes", "s3", "scheduler", "sqs", "ssm", "stepfunctions",
]  # fmt: skip
