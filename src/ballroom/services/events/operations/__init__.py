"""The operations of EventBridge, by resource."""
