"""How many events a second of CPU does the matcher look at, and what does adding a rule cost?

    python -m benchmarks.matcher [--rounds 5]

JSON parsing is included; the cost of parsing alone is printed beside it, since a shared machine is slow or
fast from one minute to the next and only the ratio is the matcher's. The answers are checked.
"""

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

import orjson

from ballroom.kernel.matcher import Pattern, RuleIndex, compile_pattern

EVENTS = 2000


def event(number: int) -> dict[str, Any]:
    """About 0.5 KB, as an order service may send it."""
    return {
        "version": "0",
        "id": f"17793124-05d4-b198-2fde-{number:012d}",
        "detail-type": f"Order Placed {number % 1000}",
        "source": f"shop.orders.{number % 1000}",
        "account": "123456789012",
        "time": "2021-11-12T00:00:00Z",
        "region": "us-east-1",
        "resources": [f"arn:aws:ec2:us-east-1:123456789012:instance/i-{number:08d}"],
        "detail": {
            "order-id": f"order-{number % 100_000:06d}",
            "state": "running" if number % 2 else "stopped",
            "amount": number % 1000,
            "file": f"uploads/{number % 1000}/picture.png",
            "source-ip": f"10.{number % 200}.0.17",
            "customer": {"name": "A. Customer", "segment": f"s{number % 50}"},
            "lines": [{"sku": f"sku-{number % 1000}", "count": 1}, {"sku": "sku-x", "count": 2}],
        },
    }


def exact(count: int) -> list[dict[str, Any]]:
    """A source that many share and an order of its own."""
    return [
        {"source": [f"shop.orders.{n % 1000}"], "detail": {"order-id": [f"order-{n:06d}"]}}
        for n in range(count)
    ]


def mixed(count: int) -> list[dict[str, Any]]:
    """Prefix, anything-but, numeric and wildcard in turn, each with a source."""
    tests: list[Callable[[int], dict[str, Any]]] = [
        lambda n: {"order-id": [{"prefix": f"order-{n:06d}"[:11]}]},
        lambda n: {"state": [{"anything-but": "stopped"}]},
        lambda n: {"amount": [{"numeric": [">=", n, "<", n + 2]}]},
        lambda n: {"file": [{"wildcard": f"uploads/{n}/*.png"}]},
    ]
    return [{"source": [f"shop.orders.{n}"], "detail": tests[n % 4](n)} for n in range(count)]


def mixed_alone(count: int) -> list[dict[str, Any]]:
    """The same operators, but nothing else to tell the rules apart."""
    tests: list[Callable[[int], dict[str, Any]]] = [
        lambda n: {"order-id": [{"prefix": f"order-{n:06d}"[:11]}]},
        lambda n: {"state": [{"anything-but": ["stopped", "running"]}], "order-id": [f"order-{n:06d}"]},
        lambda n: {"amount": [{"numeric": [">=", n, "<", n + 2]}]},
        lambda n: {"file": [{"wildcard": f"uploads/{n}/*.png"}]},
    ]
    return [{"detail": tests[n % 4](n)} for n in range(count)]


def rich(count: int) -> list[dict[str, Any]]:
    """`$or`, exists, cidr and arrays of objects among exact rules."""
    tests: list[Callable[[int], dict[str, Any]]] = [
        lambda n: {"$or": [{"order-id": [f"order-{n:06d}"]}, {"amount": [n], "state": ["running"]}]},
        lambda n: {"state": [{"exists": True}], "order-id": [f"order-{n:06d}"], "refund": [{"exists": False}]},
        lambda n: {"source-ip": [{"cidr": f"10.{n % 250}.{n // 250}.0/24"}]},
        lambda n: {"lines": {"sku": [f"sku-{n}"], "count": [1]}},
    ]
    return [{"detail": tests[n % 4](n)} for n in range(count)]


def cpu(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def parse_all(encoded: list[bytes]) -> None:
    for text in encoded:
        orjson.loads(text)


def match_all(index: RuleIndex, encoded: list[bytes]) -> None:
    match = index.match
    for text in encoded:
        match(text)


def measure(name: str, target: int, rules: list[dict[str, Any]], rounds: int) -> None:
    """Parsing alone and matching, interleaved; the best round of each counts."""
    texts = [json.dumps(rule) for rule in rules]
    patterns: list[Pattern] = []
    compiling = cpu(lambda: patterns.extend(compile_pattern(text) for text in texts))
    index = RuleIndex()

    def fill() -> None:
        for number, pattern in enumerate(patterns):
            index.add(f"rule-{number}", pattern)

    adding = cpu(fill)
    events = [event(7 * n) for n in range(EVENTS)]
    encoded = [orjson.dumps(e) for e in events]
    for e, text in list(zip(events, encoded, strict=True))[:: 1 if len(rules) < 2000 else 500]:
        expected = {f"rule-{n}" for n, pattern in enumerate(patterns) if pattern.matches(e)}
        assert set(index.match(text)) == expected, text
    found = sum(len(index.match(text)) for text in encoded)
    parsing, matching = [], []
    for _ in range(rounds):
        parsing.append(cpu(lambda: parse_all(encoded)))
        matching.append(cpu(lambda: match_all(index, encoded)))
    parse, match = min(parsing) / EVENTS, min(matching) / EVENTS
    print(
        f"{name:24} {1 / match:9,.0f} events/s (at least {target:7,})  parsing alone {1 / parse:9,.0f}  "
        f"ratio {match / parse:4.2f}  matches {found / EVENTS:5.2f}  "
        f"compile {1e6 * compiling / len(rules):5.1f} us  add {1e6 * adding / len(rules):5.1f} us"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    print(f"events of {len(orjson.dumps(event(1)))} bytes")
    measure("10 exact", 350_000, exact(10), rounds)
    measure("1,000 exact", 250_000, exact(1000), rounds)
    measure("1,000 mixed, by source", 150_000, mixed(1000), rounds)
    measure("1,000 mixed, alone", 150_000, mixed_alone(1000), rounds)
    measure("100,000 exact", 150_000, exact(100_000), rounds)
    measure("1,000 rich", 100_000, rich(1000), rounds)


if __name__ == "__main__":
    main()
