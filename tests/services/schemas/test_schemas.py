"""Registries, schemas, what is discovered from events, and code bindings that run."""

from __future__ import annotations

import importlib
import io
import json
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from tests.cloud import Cloud
from tests.services.events.helpers import entry, put

from ballroom.services.schemas.bindings import package_of, snake
from ballroom.services.schemas.documents import type_name
from ballroom.services.schemas.inference import merged, shape_of

BUS = "arn:aws:events:us-east-1:000000000000:event-bus/default"
DISCOVERED = {"RegistryName": "discovered-schemas"}
NAME = {**DISCOVERED, "SchemaName": "shop.orders@Placed"}


def discover(cloud: Cloud, *details: Any) -> None:
    cloud.schemas("CreateDiscoverer", SourceArn=BUS)
    for detail in details:
        put(cloud, entry(detail))


def content(cloud: Cloud, **more: Any) -> Any:
    return json.loads(cloud.schemas("DescribeSchema", **NAME, **more)["Content"])


def test_an_observed_event_becomes_a_schema(cloud: Cloud) -> None:
    discover(cloud, {"id": "o-1", "at": "2026-01-01T00:00:00Z", "items": [{"sku": "a", "n": 2}], "paid": True})
    (listed,) = cloud.schemas("ListSchemas", **DISCOVERED)["Schemas"]
    assert (listed["SchemaName"], listed["VersionCount"]) == ("shop.orders@Placed", 1)
    document = content(cloud)
    assert document["info"] == {"version": "1.0.0", "title": "Placed"}
    types = document["components"]["schemas"]
    assert types["AWSEvent"]["x-amazon-events-source"] == "shop.orders"
    assert types["AWSEvent"]["properties"]["detail"] == {"$ref": "#/components/schemas/Placed"}
    assert types["Placed"] == {
        "type": "object", "required": ["at", "id", "items", "paid"],
        "properties": {
            "id": {"type": "string"}, "at": {"type": "string", "format": "date-time"},
            "items": {"type": "array", "items": {"$ref": "#/components/schemas/Items"}}, "paid": {"type": "boolean"},
        },
    }  # fmt: skip
    assert types["Items"]["properties"] == {"sku": {"type": "string"}, "n": {"type": "number"}}


def test_another_shape_is_a_new_version_and_the_same_is_none(cloud: Cloud) -> None:
    discover(cloud, {"a": 1}, {"a": 2}, {"a": 3, "b": "x"}, {"a": 1}, {"b": "y", "a": 5})
    versions = cloud.schemas("ListSchemaVersions", **NAME)["SchemaVersions"]
    assert [version["SchemaVersion"] for version in versions] == ["1", "2"]
    assert content(cloud)["components"]["schemas"]["Placed"]["required"] == ["a"]
    assert "b" not in content(cloud, SchemaVersion="1")["components"]["schemas"]["Placed"]["properties"]


def test_a_stopped_discoverer_learns_nothing(cloud: Cloud) -> None:
    discover(cloud)
    cloud.schemas("StopDiscoverer", DiscovererId="events-event-bus-default")
    put(cloud)
    assert cloud.schemas("ListSchemas", **DISCOVERED)["Schemas"] == []
    cloud.schemas("StartDiscoverer", DiscovererId="events-event-bus-default")
    put(cloud)
    assert len(cloud.schemas("ListSchemas", **DISCOVERED)["Schemas"]) == 1
    cloud.schemas("DeleteDiscoverer", DiscovererId="events-event-bus-default")
    assert cloud.schemas("ListDiscoverers")["Discoverers"] == []


def test_searching_and_exporting(cloud: Cloud) -> None:
    discover(cloud, {"customer": {"name": "x"}})
    (hit,) = cloud.schemas("SearchSchemas", **DISCOVERED, Keywords="CUSTOMER placed")["Schemas"]
    assert hit["SchemaVersions"][0]["SchemaVersion"] == "1"
    assert cloud.schemas("SearchSchemas", **DISCOVERED, Keywords="customer nowhere")["Schemas"] == []
    exported = json.loads(cloud.schemas("ExportSchema", **NAME, Type="JSONSchemaDraft4")["Content"])
    assert exported["$schema"].endswith("draft-04/schema#")
    assert exported["properties"]["detail"] == {"$ref": "#/definitions/Placed"}
    assert exported["definitions"]["Placed"]["properties"]["customer"] == {"$ref": "#/definitions/Customer"}


def test_schemas_of_ones_own(cloud: Cloud) -> None:
    cloud.schemas("CreateRegistry", RegistryName="mine", Tags={"a": "b"})
    here = {"RegistryName": "mine", "SchemaName": "s"}
    first = json.dumps({"openapi": "3.0.0", "info": {"title": "T", "version": "1"}, "paths": {}})
    made = cloud.schemas("CreateSchema", **here, Type="OpenApi3", Content=first)
    assert made["SchemaVersion"] == "1"
    assert cloud.error("schemas", "CreateSchema", **here, Type="OpenApi3", Content=first).shape == "ConflictException"
    assert cloud.schemas("UpdateSchema", **here, Content=first)["SchemaVersion"] == "1"
    assert cloud.schemas("UpdateSchema", **here, Content=first.replace("T", "U"))["SchemaVersion"] == "2"
    cloud.schemas("DeleteSchemaVersion", **here, SchemaVersion="1")
    assert cloud.error("schemas", "DescribeSchema", **here, SchemaVersion="1").shape == "NotFoundException"
    cloud.schemas("TagResource", ResourceArn=made["SchemaArn"], Tags={"x": "y"})
    assert cloud.schemas("ListTagsForResource", ResourceArn=made["SchemaArn"])["Tags"] == {"x": "y"}
    cloud.schemas("PutResourcePolicy", RegistryName="mine", Policy="{}")
    assert cloud.schemas("GetResourcePolicy", RegistryName="mine")["Policy"] == "{}"
    cloud.schemas("DeleteRegistry", RegistryName="mine")
    assert cloud.error("schemas", "DescribeSchema", **here).shape == "NotFoundException"


@pytest.mark.parametrize("wrong", ["", "[]", "{", '{"openapi": "2.0"}', "[" * 10_000])
def test_what_is_no_document(cloud: Cloud, wrong: str) -> None:
    cloud.schemas("CreateRegistry", RegistryName="mine")
    error = cloud.error("schemas", "CreateSchema", RegistryName="mine", SchemaName="s", Type="OpenApi3", Content=wrong or " ")
    assert error.shape == "BadRequestException"


def test_a_python_binding_reads_and_writes_events(
    cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    discover(cloud, {"orderId": "o-1", "class": "gold", "items": [{"sku": "a"}], "tags": ["x"]})
    language = {**NAME, "Language": "Python36"}
    assert cloud.error("schemas", "DescribeCodeBinding", **language).shape == "NotFoundException"
    assert cloud.schemas("PutCodeBinding", **language)["Status"] == "CREATE_IN_PROGRESS"
    assert cloud.schemas("DescribeCodeBinding", **language)["Status"] == "CREATE_COMPLETE"
    source = cloud.schemas("GetCodeBindingSource", **language)["Body"]
    zipfile.ZipFile(io.BytesIO(source)).extractall(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    module: Any = importlib.import_module("schema.shop.orders.placed")
    event = {
        "id": "1", "detail-type": "placed",
        "detail": {"orderId": "o-2", "class": "x", "items": [{"sku": "b"}], "tags": []},
    }  # fmt: skip
    read = module.Marshaller.unmarshall(event, module.AWSEvent)
    assert (read.detail.order_id, read.detail.class_, read.detail.items[0].sku) == ("o-2", "x", "b")
    read.detail_type = "changed"
    assert module.Marshaller.marshall(read) == {**event, "detail-type": "changed"}
    for name in [name for name in sys.modules if name.partition(".")[0] == "schema"]:
        del sys.modules[name]
    assert cloud.error("schemas", "PutCodeBinding", **{**language, "Language": "Java8"}).shape == "NotImplemented"


def test_names_of_types_and_attributes() -> None:
    assert type_name("EC2 instance state-change") == "EC2InstanceStateChange"
    assert [snake(n) for n in ("detailType", "a-b", "class", "1st", "é", "")] == [
        "detail_type", "a_b", "class_", "n1st", "value", "value"
    ]  # fmt: skip
    assert package_of("aws.ec2@EC2Change") == ["schema", "aws", "ec2", "ec2_change"]


def test_shapes_merge_to_what_fits_both() -> None:
    assert merged(shape_of(None), shape_of(1)) == {"type": "number"}
    assert merged(shape_of("x"), shape_of("2026-01-01T00:00:00Z")) == {"type": "string"}
    assert merged(shape_of([1]), shape_of(["a"])) == {"type": "array", "items": {}}
    deep: Any = 1
    for _ in range(500):
        deep = {"a": [deep]}
    assert len(json.dumps(shape_of(deep))) < 10_000


def test_a_schema_of_given_events(cloud: Cloud) -> None:
    events = [json.dumps({"a": 1}), json.dumps({"a": 2, "b": [True]})]
    answer = cloud.schemas("GetDiscoveredSchema", Type="OpenApi3", Events=events)
    types = json.loads(answer["Content"])["components"]["schemas"]
    assert types["Event"]["required"] == ["a"]
    answer = cloud.schemas("GetDiscoveredSchema", Type="JSONSchemaDraft4", Events=events)
    assert "definitions" in json.loads(answer["Content"])
