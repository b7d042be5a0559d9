from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.cloud import Cloud
from tests.services.lambda_.floor import Stage, a_function, invoke, package

from ballroom.services.lambda_ import function_parts


def a_layer(cloud: Cloud, name: str = "l", **more: Any) -> str:
    """A layer version's ARN."""
    content = {"ZipFile": package("shared = 1\n")}
    answer = cloud.call("lambda", "PublishLayerVersion", LayerName=name, Content=content, **more)
    return str(answer["LayerVersionArn"])


def test_versions_are_numbered_and_listed_newest_first(cloud: Cloud) -> None:
    for _ in range(3):
        a_layer(cloud)
    cloud.call("lambda", "DeleteLayerVersion", LayerName="l", VersionNumber=3)
    listed = cloud.call("lambda", "ListLayerVersions", LayerName="l")["LayerVersions"]
    assert [v["Version"] for v in listed] == [2, 1]
    assert a_layer(cloud).endswith(":4")
    latest = cloud.call("lambda", "ListLayers")["Layers"]
    assert [layer["LatestMatchingVersion"]["Version"] for layer in latest] == [4]


def test_a_function_keeps_a_layer_that_has_been_deleted(cloud: Cloud, stage: Stage) -> None:
    arn = a_layer(cloud)
    a_function(cloud, Layers=[arn])
    cloud.call("lambda", "DeleteLayerVersion", LayerName="l", VersionNumber=1)
    cloud.run(cloud.kernel.collect_blobs())
    invoke(cloud)
    (layer,) = stage.specs[0].layers
    assert (Path(layer) / "index.py").read_text() == "shared = 1\n"
    shown = cloud.call("lambda", "GetFunctionConfiguration", FunctionName="f")["Layers"]
    assert [one["Arn"] for one in shown] == [arn]


def test_at_most_five_layers_and_one_version_of_each(cloud: Cloud) -> None:
    arns = [a_layer(cloud, f"l{n}") for n in range(6)]
    a_function(cloud)
    error = cloud.error("lambda", "UpdateFunctionConfiguration", FunctionName="f", Layers=arns)
    assert error.text == "Cannot reference more than 5 layers."
    twice = [a_layer(cloud, "twice"), a_layer(cloud, "twice")]
    error = cloud.error("lambda", "UpdateFunctionConfiguration", FunctionName="f", Layers=twice)
    assert "Two different versions of the same layer" in error.text


def test_code_and_layers_together_are_limited(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    arn = a_layer(cloud)
    a_function(cloud)
    monkeypatch.setattr(function_parts, "UNZIPPED_LIMIT", 20)
    error = cloud.error("lambda", "UpdateFunctionConfiguration", FunctionName="f", Layers=[arn])
    assert "Function code combined with layers exceeds the maximum allowed size of 20 bytes" in error.text


@pytest.mark.parametrize("number", [0, -1])
def test_versions_begin_at_one(cloud: Cloud, number: int) -> None:
    error = cloud.error("lambda", "GetLayerVersion", LayerName="l", VersionNumber=number)
    assert error.text == "Layer Version Cannot be less than 1"


def test_unknown_runtimes_and_architectures_are_refused_together(cloud: Cloud) -> None:
    error = cloud.error(
        "lambda", "PublishLayerVersion", LayerName="l", Content={"ZipFile": package()},
        CompatibleRuntimes=["cobol"], CompatibleArchitectures=["z80", "x86_64"],
    )  # fmt: skip
    assert error.text.startswith("2 validation errors detected: Value '[cobol]' at 'compatibleRuntimes'")
    assert "Value '[z80, x86_64]' at 'compatibleArchitectures'" in error.text
