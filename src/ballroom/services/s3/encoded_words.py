"""User metadata as headers carry it: RFC 2047's encoded words for what is not ASCII. Pure.

Source: S3 User Guide, "Working with object metadata"; RFC 2047; the recorded answers of AWS.
"""

from __future__ import annotations

import base64
import binascii
import re

_WORD = re.compile(r"=\?([^?\s]+)\?([BbQq])\?([^?\s]*)\?=")
_BETWEEN = re.compile(r"(\?=)\s+(=\?)")
_LONGEST = 63  # of what stands between the marks of a word in UTF-8, so that it has 75 characters


def decoded(text: str) -> str:
    """A header's value with its encoded words read; text that is not ASCII is taken as UTF-8."""
    if not text.isascii():
        try:
            text = text.encode("latin-1").decode()
        except UnicodeError:
            return text
    if "=?" not in text:
        return text
    return _WORD.sub(_read_word, _BETWEEN.sub(r"\1\2", text))


def _read_word(match: re.Match[str]) -> str:
    charset, kind, content = match[1], match[2].upper(), match[3]
    try:
        if kind == "B":
            raw = base64.b64decode(content + "=" * (-len(content) % 4))
        else:
            raw = binascii.a2b_qp(content.encode(), header=True)
        return raw.decode(charset, "replace")
    except (binascii.Error, ValueError, LookupError):
        return match[0]


def encoded(text: str) -> str:
    """A value as a header may carry it: as it is, or in encoded words of at most 75 characters."""
    if text.isascii() and text.isprintable():
        return text
    plain = sum(" " <= c < "\x7f" or c in "\r\n\t" for c in text)
    return " ".join(_words(text, quoted=plain > len(text) - plain))


def _words(text: str, *, quoted: bool) -> list[str]:
    raw = text.encode("utf-8", "replace")
    content = "".join(map(_quote, raw)) if quoted else base64.b64encode(raw).decode()
    if len(content) > _LONGEST and len(text) > 1:
        middle = len(text) // 2
        return _words(text[:middle], quoted=quoted) + _words(text[middle:], quoted=quoted)
    return [f"=?UTF-8?{'Q' if quoted else 'B'}?{content}?="]


def _quote(byte: int) -> str:
    if byte == 0x20:
        return "_"
    if byte < 0x20 or byte >= 0x7F or byte in b"=_?":
        return f"={byte:02X}"
    return chr(byte)
