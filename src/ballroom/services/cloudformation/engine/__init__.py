"""Carries out stack operations: durable, step by step, in dependency order.

`drive` runs the steps that may run; `phases` says what follows when they are done; `steps` is one resource's
part; `calls` reaches the other services.
"""
