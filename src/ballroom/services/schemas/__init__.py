"""EventBridge Schemas: registries, schemas, discoverers, code bindings. See docs/services/schemas.md."""

from ballroom.services.schemas import discovery
from ballroom.services.schemas.operations import bindings, discoverers, policies, registries, schemas, tags

__all__ = ["bindings", "discoverers", "discovery", "policies", "registries", "schemas", "tags"]
