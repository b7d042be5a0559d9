"""The filter pattern language of CloudWatch Logs: text in, a compiled matcher out.

One module per form of the language (`terms`, `fields`, `selectors`), over a shared scanner and a
regular expression engine that is linear in the message.

Source: CloudWatch Logs User Guide, "Filter pattern syntax for metric filters, subscription filters,
filter log events, and Live Tail".
"""

from __future__ import annotations

from functools import lru_cache

from .errors import InvalidPattern
from .fields import compile_fields
from .form import Pattern
from .selectors import compile_selectors
from .terms import compile_terms

__all__ = ["InvalidPattern", "Pattern", "compile_pattern"]


@lru_cache(maxsize=1024)
def compile_pattern(text: str) -> Pattern:
    """The matcher for a filter pattern; compiled once for each text.

    Raises:
        InvalidPattern: the text is not a filter pattern; its message is AWS's.
    """
    stripped = text.strip()
    for opening, closing, compiler in (("{", "}", compile_selectors), ("[", "]", compile_fields)):
        if stripped.startswith(opening):
            if not stripped.endswith(closing):
                raise InvalidPattern(
                    f"If a filter pattern starts with '{opening}' it must end with '{closing}'"
                )
            return compiler(stripped[1:-1])
    return compile_terms(stripped)
