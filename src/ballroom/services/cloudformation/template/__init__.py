"""From a template's text to values: the pure stages, which know no kernel and touch nothing.

`load` reads YAML or JSON; `shape` checks what every template must look like; `parameters`, `functions` and
`evaluate` turn it into values; `extensions` expands loops; `references` says which resource needs which.
"""
