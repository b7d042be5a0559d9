"""CloudFormation: templates become stacks, step by step and durably; SAM templates are transformed first."""

from . import operations, resource_types, signals

__all__ = ["operations", "resource_types", "signals"]
