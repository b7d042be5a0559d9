from __future__ import annotations

import pytest
from tests.cloud import Cloud
from tests.services.logs.helpers import GROUP, a_group, a_stream, put


@pytest.fixture(autouse=True)
def _group(cloud: Cloud) -> None:
    a_group(cloud)
    a_stream(cloud, "s")


def a_filter(cloud: Cloud, pattern: str, name: str = "f", value: str = "1", **more: object) -> None:
    transformation = {"metricName": "Errors", "metricNamespace": "App", "metricValue": value, **more}
    cloud.logs(
        "PutMetricFilter", logGroupName=GROUP, filterName=name, filterPattern=pattern,
        metricTransformations=[transformation],
    )  # fmt: skip


def counted(cloud: Cloud) -> dict[tuple[tuple[str, str], ...], tuple[int, float]]:
    """Sample count and sum of the metric App/Errors, by dimensions."""
    points = cloud.kernel.metrics.read()
    return {k[4]: (v[0], v[1]) for k, v in points.items() if k[2:4] == ("App", "Errors")}


def test_a_filter_counts_what_matches_from_now_on(cloud: Cloud) -> None:
    put(cloud, "s", (0, "ERROR before"))
    a_filter(cloud, "ERROR")
    put(cloud, "s", (0, "ERROR 1"), (1, "fine"), (2, "ERROR 2"))
    assert counted(cloud) == {(): (2, 2.0)}
    assert cloud.logs("DescribeLogGroups")["logGroups"][0]["metricFilterCount"] == 1


def test_a_filter_takes_its_value_and_dimensions_from_the_event(cloud: Cloud) -> None:
    a_filter(cloud, "{ $.ms = * }", value="$.ms", dimensions={"Path": "$.path"})
    a_filter(cloud, "[path, ms > 5]", name="g", value="$ms")
    put(cloud, "s", (0, '{"ms": 12.5, "path": "/a"}'), (1, '{"ms": "slow", "path": "/a"}'), (2, "/b 7"))
    assert counted(cloud) == {(("Path", "/a"),): (1, 12.5), (): (1, 7.0)}


def test_filters_are_listed_by_name_group_and_metric(cloud: Cloud) -> None:
    a_group(cloud, "/other")
    a_filter(cloud, "a", name="one")
    a_filter(cloud, "b", name="two", metricName="Other")

    def names(**more: object) -> list[str]:
        return [found["filterName"] for found in cloud.logs("DescribeMetricFilters", **more)["metricFilters"]]

    assert names() == ["one", "two"]
    assert names(filterNamePrefix="t") == ["two"]
    assert names(logGroupName="/other") == []
    assert names(metricName="Other", metricNamespace="App") == ["two"]
    cloud.logs("DeleteMetricFilter", logGroupName=GROUP, filterName="one")
    assert names() == ["two"]
    error = cloud.error("logs", "DeleteMetricFilter", logGroupName=GROUP, filterName="one")
    assert error.text == "The specified metric filter does not exist."


def test_words_give_no_dimensions(cloud: Cloud) -> None:
    error = cloud.error(
        "logs", "PutMetricFilter", logGroupName=GROUP, filterName="f", filterPattern="ERROR",
        metricTransformations=[
            {"metricName": "m", "metricNamespace": "n", "metricValue": "1", "dimensions": {"a": "$.a"}}
        ],
    )  # fmt: skip
    assert error.text == "The specified filter pattern does not support dimensions"


def test_a_pattern_can_be_tried_out(cloud: Cloud) -> None:
    answer = cloud.logs(
        "TestMetricFilter", filterPattern="[ip, ms > 10]", logEventMessages=["a 5", "b 11", "c"]
    )
    assert answer == {
        "matches": [{"eventNumber": 2, "eventMessage": "b 11", "extractedValues": {"$ip": "b", "$ms": "11"}}]
    }
    error = cloud.error("logs", "TestMetricFilter", filterPattern="{ $.a }", logEventMessages=["x"])
    assert error.text == "Invalid metric filter pattern"


def test_settings_without_effect_are_refused_by_name(cloud: Cloud) -> None:
    error = cloud.error(
        "logs", "PutMetricFilter", logGroupName=GROUP, filterName="f", filterPattern="x",
        fieldSelectionCriteria='@aws.account = "1"',
        metricTransformations=[{"metricName": "m", "metricNamespace": "n", "metricValue": "1"}],
    )  # fmt: skip
    assert error.shape == "NotImplemented"
    assert "fieldSelectionCriteria" in error.text
