"""Carries out stack operations: durable, step by step, in dependency order.

`drive` runs the steps that may run, `phases` says what follows when they are done; `applying` and `removing`
begin a step, `perform` runs its provider and records what came of it; `calls` reaches the other services.
"""
