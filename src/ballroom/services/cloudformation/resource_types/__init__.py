"""The resource types: one small entry each. Importing this package registers them all."""

from . import cloudformation, iam, lambda_, logs, s3, sqs, ssm

__all__ = ["cloudformation", "iam", "lambda_", "logs", "s3", "sqs", "ssm"]
