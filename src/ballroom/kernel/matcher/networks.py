"""Ranges of IP addresses, as numbers.

AWS's engine compares addresses as hexadecimal digits, and whatever else is no quoted text too: a number, or
an address of the other version, is inside a network when its digits are. So 0.0.0.0/0 holds 300 and
2001:db8::1 (recorded); `holds_digits` is that rule.
"""

from __future__ import annotations

import socket
from typing import NamedTuple


class Network(NamedTuple):
    """The addresses whose first `bits` of `width` are `prefix`."""

    width: int  # 32 or 128
    bits: int
    prefix: int


def parse_address(text: str) -> tuple[int, int] | None:
    """Width and number of an address; None for any other text."""
    if len(text) > 45:
        return None
    family, width = (socket.AF_INET6, 128) if ":" in text else (socket.AF_INET, 32)
    try:
        return width, int.from_bytes(socket.inet_pton(family, text))
    except (OSError, ValueError):
        return None


def parse_network(text: str) -> Network:
    """The network of a CIDR such as 10.0.0.0/24; an address alone is a network of one.

    Raises:
        ValueError: with AWS's sentence.
    """
    address, slash, mask = text.partition("/")
    if "/" in mask:
        raise ValueError("Malformed CIDR, one '/' required")
    parsed = parse_address(address)
    if parsed is None:
        raise ValueError(f"Nonstandard IP address: {address}")
    width, number = parsed
    if not slash:
        return Network(width, width, number)
    if not mask.removeprefix("-").isdecimal():
        raise ValueError("Malformed CIDR, mask bits must be an integer")
    bits = int(mask[:6])
    if bits < 0:
        raise ValueError("Malformed CIDR, mask bits must not be negative")
    if bits > width:
        raise ValueError(f"IPv{4 if width == 32 else 6} mask bits must be < {width}")
    return Network(width, bits, number >> (width - bits))


_DIGITS = frozenset("0123456789ABCDEF")


def digits(width: int, number: int) -> str:
    """An address as AWS's engine compares it."""
    return f"{number:0{width // 4}X}"


def holds_digits(network: Network, text: str) -> bool:
    """Are the digits within the network's, compared from the left until they are clear of both ends?"""
    shift = network.width - network.bits
    first = network.prefix << shift
    low, high = digits(network.width, first), digits(network.width, first | ((1 << shift) - 1))
    on_low = on_high = True
    for digit, least, most in zip(text, low, high, strict=False):
        if digit not in _DIGITS or (on_low and digit < least) or (on_high and digit > most):
            return False
        on_low = on_low and digit == least
        on_high = on_high and digit == most
        if not (on_low or on_high):
            return True
    return len(text) == len(low)


def leading_bits(text: str, bits: int) -> int | None:
    """The first bits of a text of hexadecimal digits; None when it is shorter or something else."""
    count = (bits + 3) // 4
    head = text[:count]
    if len(head) < count or not _DIGITS.issuperset(head):
        return None
    return int(head, 16) >> (4 * count - bits) if count else 0
