"""The durable engine: executions, their branches, and how they move."""
