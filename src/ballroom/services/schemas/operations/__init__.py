"""The operations of EventBridge Schemas, by resource."""
