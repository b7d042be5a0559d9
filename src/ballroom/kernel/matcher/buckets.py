"""What hangs on one field: from each kind of predicate to the rules that wait for it.

Values are looked up in dictionaries, prefixes and suffixes by their length, networks by the length of
their mask, ranges by bisection. Rules whose predicate gives nothing to look up (`anything-but`, `exists`,
a wildcard that begins and ends with a star) wait for any value of the field.
"""

from __future__ import annotations

from typing import Any

from ballroom.kernel.matcher.networks import Network, digits, holds_digits, leading_bits, parse_address
from ballroom.kernel.matcher.pattern import Conjunction, Path
from ballroom.kernel.matcher.ranges import RangeSet
from ballroom.kernel.matcher.tests import FieldTest, Range
from ballroom.kernel.matcher.wildcards import split_wildcard


class Entry:
    """A conjunction of a rule: its name, and what is left to verify where it hangs."""

    __slots__ = ("conjunction", "home", "keys", "rest", "rule_id")

    def __init__(self, rule_id: str, conjunction: Conjunction) -> None:
        self.rule_id = rule_id
        self.conjunction = conjunction
        self.rest: tuple[tuple[Path, FieldTest], ...] = conjunction.fields
        self.home: FieldIndex | None = None
        self.keys: list[BucketKey] = []


Bucket = list[Entry]
BucketKey = tuple[str, Any]
ANY_VALUE: BucketKey = ("any", None)
SHORTEST = 1  # characters that a prefix or suffix must have to be worth a look-up


def bucket_keys(test: FieldTest) -> tuple[list[BucketKey], bool]:
    """Where a rule with this test has to hang, and whether meeting it there proves the test."""
    if test.present:
        return [ANY_VALUE], True
    keys: list[BucketKey] = [("string", value) for value in test.strings]
    keys += [("number", value) for value in test.numbers]
    keys += [("constant", value) for value in test.constants]
    exact = True
    for kind, operand in test.predicates:
        key: BucketKey = (kind, operand)
        if kind == "wildcard":
            key, exact = _wildcard_key(operand), False
        if key == ANY_VALUE or kind == "not" or (kind not in ("range", "network") and not operand):
            return [ANY_VALUE], False
        keys.append(key)
    return keys, exact


def _wildcard_key(wildcard: str) -> BucketKey:
    first, *_, last = parts if len(parts := split_wildcard(wildcard)) > 1 else (parts[0], "")
    if len(parts) == 1:
        return ("string", first)
    if not first and not last:
        return ANY_VALUE
    return ("prefix", first) if len(first) >= len(last) else ("suffix", last)


class _ByLength:
    """Texts to look up as the beginning or the end of a value, shortest first."""

    __slots__ = ("buckets", "counts", "lengths")

    def __init__(self) -> None:
        self.buckets: dict[str, Bucket] = {}
        self.counts: dict[int, int] = {}
        self.lengths: list[int] = []

    def add(self, text: str, entry: Entry) -> None:
        bucket = self.buckets.get(text)
        if bucket is not None:
            bucket.append(entry)
            return
        self.buckets[text] = [entry]
        length = len(text)
        self.counts[length] = self.counts.get(length, 0) + 1
        if self.counts[length] == 1:
            self.lengths = sorted(self.counts)

    def remove(self, text: str, entry: Entry) -> None:
        if _drop(self.buckets, text, entry):
            length = len(text)
            self.counts[length] -= 1
            if not self.counts[length]:
                del self.counts[length]
                self.lengths = sorted(self.counts)


def _drop(buckets: dict[Any, Bucket], key: Any, entry: Entry) -> bool:
    """Take an entry out of a bucket; was it the bucket's last?"""
    bucket = buckets[key]
    for index, other in enumerate(bucket):
        if other is entry:
            bucket[index] = bucket[-1]
            bucket.pop()
            break
    if bucket:
        return False
    del buckets[key]
    return True


class FieldIndex:
    """The rules that hang on one field, and how many rules use each of its predicates."""

    __slots__ = (
        "any", "constants", "entries", "folded", "folded_prefixes", "folded_suffixes", "more", "networks",
        "numbers", "prefixes", "range_buckets", "ranges", "shares", "strings", "suffixes",
    )  # fmt: skip

    def __init__(self) -> None:
        self.strings: dict[str, Bucket] = {}
        self.numbers: dict[float, Bucket] = {}
        self.constants: dict[bool | None, Bucket] = {}
        self.any: Bucket = []
        self.prefixes = _ByLength()
        self.suffixes = _ByLength()
        self.folded: dict[str, Bucket] = {}
        self.folded_prefixes = _ByLength()
        self.folded_suffixes = _ByLength()
        self.networks: dict[tuple[int, int], dict[int, Bucket]] = {}
        self.ranges = RangeSet()
        self.range_buckets: dict[Range, Bucket] = {}
        self.shares: dict[Any, int] = {}
        self.entries = 0  # how often something hangs here
        self.more = 0  # how often under another key than a string

    def use(self, keys: list[BucketKey], count: int) -> None:
        """Note that a rule has, or no longer has, these predicates."""
        shares = self.shares
        for kind, operand in keys:
            key = operand if kind == "string" else (kind, operand)
            total = shares.get(key, 0) + count
            if total:
                shares[key] = total
            else:
                shares.pop(key, None)

    def cost(self, keys: list[BucketKey], most: int) -> float:
        """How many rules share these predicates: what hanging a rule here would put it among."""
        shares = self.shares
        total = 0.0
        for kind, operand in keys:
            if kind == "any":
                return most
            shared = shares.get(operand if kind == "string" else (kind, operand), 0)
            total += shared + (len(self.range_buckets) / 8 if kind == "range" else 0)
        return total

    def hang(self, keys: list[BucketKey], entry: Entry) -> None:
        for kind, operand in keys:
            self.entries += 1
            if kind == "string":
                self.strings.setdefault(operand, []).append(entry)
                continue
            self.more += 1
            match kind:
                case "any":
                    self.any.append(entry)
                case "number":
                    self.numbers.setdefault(operand, []).append(entry)
                case "constant":
                    self.constants.setdefault(operand, []).append(entry)
                case "folded":
                    self.folded.setdefault(operand, []).append(entry)
                case "range":
                    if operand not in self.range_buckets:
                        self.ranges.add(operand)
                    self.range_buckets.setdefault(operand, []).append(entry)
                case "network":
                    width, bits, prefix = operand
                    self.networks.setdefault((width, bits), {}).setdefault(prefix, []).append(entry)
                case _:
                    self._texts(kind).add(operand, entry)

    def unhang(self, keys: list[BucketKey], entry: Entry) -> None:
        for kind, operand in keys:
            self.entries -= 1
            if kind == "string":
                _drop(self.strings, operand, entry)
                continue
            self.more -= 1
            match kind:
                case "any":
                    self.any = [other for other in self.any if other is not entry]
                case "number":
                    _drop(self.numbers, operand, entry)
                case "constant":
                    _drop(self.constants, operand, entry)
                case "folded":
                    _drop(self.folded, operand, entry)
                case "range":
                    if _drop(self.range_buckets, operand, entry):
                        self.ranges.remove(operand)
                case "network":
                    self._drop_network(operand, entry)
                case _:
                    self._texts(kind).remove(operand, entry)

    def _texts(self, kind: str) -> _ByLength:
        match kind:
            case "prefix":
                return self.prefixes
            case "suffix":
                return self.suffixes
            case "folded-prefix":
                return self.folded_prefixes
        return self.folded_suffixes

    def _drop_network(self, network: Network, entry: Entry) -> None:
        width, bits, prefix = network
        if _drop(self.networks[width, bits], prefix, entry) and not self.networks[width, bits]:
            del self.networks[width, bits]

    def buckets_beside_strings(self, value: Any) -> list[Bucket]:
        """The buckets, other than that of an equal string, whose rules a value may satisfy."""
        found: list[Bucket] = [self.any] if self.any else []
        kind = type(value)
        if kind is str:
            self._for_text(value, found)
        elif kind is int or kind is float:
            bucket = self.numbers.get(value)
            if bucket is not None:
                found.append(bucket)
            if self.range_buckets:
                found += [self.range_buckets[held] for held in self.ranges.holding(_bounded(value))]
            if self.networks:
                self._for_digits(repr(value), 0, found)
        else:
            bucket = self.constants.get(value)
            if bucket is not None:
                found.append(bucket)
        return found

    def _for_text(self, value: str, found: list[Bucket]) -> None:
        if self.prefixes.lengths:
            _beginnings(self.prefixes, value, found)
        if self.suffixes.lengths:
            _endings(self.suffixes, value, found)
        if self.folded or self.folded_prefixes.lengths or self.folded_suffixes.lengths:
            folded = value.lower()
            bucket = self.folded.get(folded)
            if bucket is not None:
                found.append(bucket)
            _beginnings(self.folded_prefixes, folded, found)
            _endings(self.folded_suffixes, folded, found)
        if self.networks:
            self._for_address(value, found)

    def _for_address(self, value: str, found: list[Bucket]) -> None:
        address = parse_address(value)
        if address is None:
            return
        width, number = address
        for (of_width, bits), by_prefix in self.networks.items():
            if of_width == width:
                bucket = by_prefix.get(number >> (width - bits))
                if bucket is not None:
                    found.append(bucket)
        self._for_digits(digits(width, number), width, found)

    def _for_digits(self, text: str, width: int, found: list[Bucket]) -> None:
        """Networks of another width than the value's, by its digits: see `networks`."""
        for (of_width, bits), by_prefix in self.networks.items():
            prefix = leading_bits(text, bits) if of_width != width else None
            if prefix is not None:
                bucket = by_prefix.get(prefix)
                if bucket is not None and holds_digits(Network(of_width, bits, prefix), text):
                    found.append(bucket)


def _beginnings(texts: _ByLength, value: str, found: list[Bucket]) -> None:
    buckets, size = texts.buckets, len(value)
    for length in texts.lengths:
        if length > size:
            break
        bucket = buckets.get(value[:length])
        if bucket is not None:
            found.append(bucket)


def _endings(texts: _ByLength, value: str, found: list[Bucket]) -> None:
    buckets, size = texts.buckets, len(value)
    for length in texts.lengths:
        if length > size:
            break
        bucket = buckets.get(value[size - length :])
        if bucket is not None:
            found.append(bucket)


def _bounded(value: float) -> float:
    """An integer beyond any double is infinite to a range."""
    if type(value) is int and not -(2**1000) < value < 2**1000:
        return float("inf") if value > 0 else float("-inf")
    return value
