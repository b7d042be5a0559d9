"""Pipes to and through API destinations."""

from __future__ import annotations

import json

from tests.cloud import Cloud
from tests.services.events.test_api_destinations import Site, connect, destination, open_cloud, site

from .test_pipes import left, pipe, queue, send, take

__all__ = ["open_cloud", "site"]  # fixtures


def test_events_are_posted_one_by_one(open_cloud: Cloud, site: Site) -> None:
    source = queue(open_cloud, "in")
    to = destination(open_cloud, connect(open_cloud), site.url + "/cars/*")
    pipe(
        open_cloud, Target=to,
        TargetParameters={
            "InputTemplate": "<$.body>",
            "HttpParameters": {
                "PathParameterValues": ["$.body.car"], "HeaderParameters": {"X-Shop": "waltz"},
                "QueryStringParameters": {"price": "$.body.price"},
            },
        },
    )  # fmt: skip
    send(open_cloud, source, {"car": "2 CV", "price": 5})
    [(first, headers, body)] = site.asked
    assert first == "POST /cars/2%20CV?price=5 HTTP/1.1"
    assert (headers["x-shop"], headers["x-key"]) == ("waltz", "s3cret")
    assert json.loads(body) == {"car": "2 CV", "price": 5}
    assert left(open_cloud, source) == 0


def test_what_is_refused_comes_back(open_cloud: Cloud, site: Site) -> None:
    source = queue(open_cloud, "in", VisibilityTimeout="30")
    pipe(open_cloud, Target=destination(open_cloud, connect(open_cloud), site.url))
    site.answers = [(500, "no")]
    send(open_cloud, source, "x")
    assert (len(site.asked), left(open_cloud, source)) == (1, 1)
    open_cloud.clock.advance(seconds=31)
    assert (len(site.asked), left(open_cloud, source)) == (2, 0)


def test_an_answer_enriches(open_cloud: Cloud, site: Site) -> None:
    source, target = queue(open_cloud, "in"), queue(open_cloud, "out")
    site.answers = [(200, '{"price": 7}')]
    pipe(open_cloud, Enrichment=destination(open_cloud, connect(open_cloud), site.url))
    send(open_cloud, source, "x")
    assert take(open_cloud, target) == ['{"price":7}']
