"""Benchmarks: what the README's figures come from. `python -m benchmarks` runs those of the whole server."""
