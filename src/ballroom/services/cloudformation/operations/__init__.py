"""The operations, grouped by what they are about."""

from . import change_sets, events, policies, resources, stacks, templates, visibility

__all__ = ["change_sets", "events", "policies", "resources", "stacks", "templates", "visibility"]
