"""What runs inside zygotes and execution environments.

This package imports nothing else of Ballroom: it is linked into the folder that functions see as
`/var/runtime` (see `ballroom.runtime.base`) and runs on whatever interpreter the function asks for.
The supervisor's side of the same wire is `ballroom.runtime.channel`.
"""
