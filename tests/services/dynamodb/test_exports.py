"""Exports to S3 in AWS's layout, and imports from it."""

from __future__ import annotations

import gzip
import json
from base64 import b64encode
from hashlib import md5
from pathlib import Path
from typing import Any

import pytest
from tests.cloud import Cloud

from .names import shown
from .tables import a_table, get, index, item, plains, put, refusal, scan, schema
from .test_recovery import recover, recoverable


@pytest.fixture
def bucket(cloud: Cloud) -> Cloud:
    cloud.s3("CreateBucket", Bucket="files")
    return cloud


def read(cloud: Cloud, key: str) -> bytes:
    """An object's bytes."""
    body = cloud.s3("GetObject", Bucket="files", Key=key)["Body"]
    if isinstance(body, bytes | bytearray | memoryview):
        return bytes(body)

    async def gather() -> bytes:
        return b"".join([bytes(part) async for part in body])

    return cloud.run(gather())


def keys(cloud: Cloud) -> list[str]:
    return [one["Key"] for one in cloud.s3("ListObjectsV2", Bucket="files").get("Contents", [])]


def export(cloud: Cloud, **more: Any) -> dict[str, Any]:
    """Export the table `tab`, to the end."""
    arn = cloud.dynamodb("DescribeTable", TableName="tab")["Table"]["TableArn"]
    told = cloud.dynamodb("ExportTableToPointInTime", TableArn=arn, S3Bucket="files", **more)
    told = told["ExportDescription"]
    assert told["ExportStatus"] == "IN_PROGRESS"
    cloud.clock.settle()
    found = cloud.dynamodb("DescribeExport", ExportArn=told["ExportArn"])["ExportDescription"]
    return dict(found)


def lines(cloud: Cloud, told: dict[str, Any]) -> list[dict[str, Any]]:
    """All lines of an export's data files, checked against its manifests."""
    summary = json.loads(read(cloud, told["ExportManifest"]))
    assert summary["itemCount"] == told["ItemCount"]
    manifest = read(cloud, summary["manifestFilesS3Key"])
    checksum = read(cloud, summary["manifestFilesS3Key"].replace(".json", ".md5"))
    assert checksum == b64encode(md5(manifest).digest())
    found = []
    for line in manifest.splitlines():
        entry = json.loads(line)
        data = read(cloud, entry["dataFileS3Key"])
        assert entry["md5Checksum"] == b64encode(md5(data).digest()).decode()
        items = [json.loads(one) for one in gzip.decompress(data).splitlines()]
        assert entry["itemCount"] == len(items)
        found += items
    return found


def test_a_full_export_has_awss_layout(bucket: Cloud) -> None:
    recoverable(bucket)
    put(bucket, pk="a", b=b"\x00\xff", s={"x", "y"}, n=1.5)
    moment = bucket.clock.now_ms
    bucket.clock.advance(seconds=2)
    put(bucket, pk="b")
    told = export(bucket, ExportTime=moment, S3Prefix="here")
    assert told["ExportStatus"] == "COMPLETED"
    folder = told["ExportManifest"].removesuffix("manifest-summary.json")
    assert folder == f"here/AWSDynamoDB/{told['ExportArn'].rpartition('/')[2]}/"
    (data,) = [key for key in keys(bucket) if "/data/" in key]
    assert data.startswith(f"{folder}data/")
    assert data.endswith(".json.gz")
    assert sorted(keys(bucket)) == sorted(
        [data, f"{folder}_started"]
        + [f"{folder}manifest-{what}.{end}" for what in ("files", "summary") for end in ("json", "md5")]
    )
    assert lines(bucket, told) == [
        {"Item": {"pk": {"S": "a"}, "b": {"B": "AP8="}, "s": {"SS": ["x", "y"]}, "n": {"N": "1.5"}}}
    ]
    summary = json.loads(read(bucket, told["ExportManifest"]))
    assert summary["version"] == "2020-06-30"
    assert (summary["exportArn"], summary["s3Prefix"]) == (told["ExportArn"], "here")
    assert (summary["outputFormat"], summary["exportType"]) == ("DYNAMODB_JSON", "FULL_EXPORT")


def test_an_empty_table_is_one_empty_file(bucket: Cloud) -> None:
    recoverable(bucket)
    told = export(bucket)
    assert (told["ItemCount"], lines(bucket, told)) == (0, [])
    assert len([key for key in keys(bucket) if "/data/" in key]) == 1


def test_a_large_export_is_several_files(bucket: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    from ballroom.services.dynamodb.exports import writing

    monkeypatch.setattr(writing, "FILE_BYTES", 20_000)
    recoverable(bucket)
    for number in range(500):
        put(bucket, pk=str(number), text="x" * 100)
    told = export(bucket)
    found = lines(bucket, told)
    assert sorted(int(one["Item"]["pk"]["S"]) for one in found) == list(range(500))
    assert len([key for key in keys(bucket) if "/data/" in key]) > 2


def test_an_incremental_export_holds_what_changed(bucket: Cloud) -> None:
    recoverable(bucket)
    for key in ("same", "changed", "gone", "later"):
        put(bucket, pk=key, n=1)
    bucket.clock.advance(minutes=1)
    start = bucket.clock.now_ms
    bucket.clock.advance(minutes=1)
    put(bucket, pk="changed", n=2)
    put(bucket, pk="changed", n=3)
    written = bucket.clock.now_ms
    put(bucket, pk="new", n=1)
    put(bucket, pk="brief")
    for key in ("gone", "brief"):
        bucket.dynamodb("DeleteItem", TableName="tab", Key=item(pk=key))
    bucket.clock.advance(minutes=30)
    end = bucket.clock.now_ms
    bucket.clock.advance(minutes=1)
    put(bucket, pk="changed", n=4)
    put(bucket, pk="later", n=2)
    window = {"ExportFromTime": start, "ExportToTime": end}
    told = export(bucket, ExportType="INCREMENTAL_EXPORT", IncrementalExportSpecification=window)
    found = {one["Keys"]["pk"]["S"]: one for one in lines(bucket, told)}
    assert found.keys() == {"changed", "gone", "new"}
    assert found["changed"] == {
        "Metadata": {"WriteTimestampMicros": {"N": str(written * 1000)}},
        "Keys": item(pk="changed"),
        "OldImage": item(pk="changed", n=1),
        "NewImage": item(pk="changed", n=3),
    }
    assert "NewImage" not in found["gone"]
    assert "OldImage" not in found["new"]
    assert any(key.startswith("AWSDynamoDB/data/") for key in keys(bucket))
    summary = json.loads(read(bucket, told["ExportManifest"]))
    assert (summary["version"], summary["outputView"]) == ("2023-08-01", "NEW_AND_OLD_IMAGES")
    only_new = {**window, "ExportViewType": "NEW_IMAGE"}
    told = export(bucket, ExportType="INCREMENTAL_EXPORT", IncrementalExportSpecification=only_new)
    assert not any("OldImage" in one for one in lines(bucket, told))


def test_an_export_is_filtered_and_projected(bucket: Cloud) -> None:
    recoverable(bucket, sk="N")
    for n in range(400):
        put(bucket, pk="even" if n % 2 == 0 else "odd", sk=n, deep={"n": n}, data=b"\1")
    asked = {
        "KeyConditionExpression": "pk = :p AND sk < :n", "FilterExpression": "#d.n > :low AND #data = :data",
        "ProjectionExpression": "sk, #d", "ExpressionAttributeNames": {"#d": "deep", "#data": "data"},
        "ExpressionAttributeValues": {
            ":p": {"S": "even"}, ":n": {"N": "9"}, ":low": {"N": "3"}, ":data": {"B": b"\1"},
        },
    }  # fmt: skip
    told = export(bucket, FilterSpecification=asked)
    assert told["FilterSpecification"] == asked
    assert sorted(plains(one["Item"])["sk"] for one in lines(bucket, told)) == [4, 6, 8]
    assert all(one["Item"].keys() == {"sk", "deep"} for one in lines(bucket, told))
    none = {"FilterExpression": "sk > :n", "ExpressionAttributeValues": {":n": {"N": "400"}}}
    told = export(bucket, FilterSpecification=none)
    assert (told["ItemCount"], lines(bucket, told)) == (0, [])


def test_a_filtered_incremental_export_looks_at_the_latest_image(bucket: Cloud) -> None:
    recoverable(bucket)
    for key in ("better", "worse", "good", "bad"):
        put(bucket, pk=key, n=1 if key in ("worse", "good") else 0)
    bucket.clock.advance(minutes=1)
    start = bucket.clock.now_ms
    bucket.clock.advance(minutes=1)
    put(bucket, pk="better", n=1, more=1)
    put(bucket, pk="worse", n=0)
    for key in ("good", "bad"):
        bucket.dynamodb("DeleteItem", TableName="tab", Key=item(pk=key))
    bucket.clock.advance(minutes=30)
    told = export(
        bucket, ExportType="INCREMENTAL_EXPORT",
        IncrementalExportSpecification={"ExportFromTime": start, "ExportToTime": bucket.clock.now_ms},
        FilterSpecification={
            "FilterExpression": "n = :one", "ProjectionExpression": "n",
            "ExpressionAttributeValues": {":one": {"N": "1"}},
        },
    )  # fmt: skip
    found = {one["Keys"]["pk"]["S"]: one for one in lines(bucket, told)}
    assert found.keys() == {"better", "good"}
    assert (found["better"]["OldImage"], found["better"]["NewImage"]) == (item(n=0), item(n=1))
    assert found["good"]["OldImage"] == item(n=1)


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ({"FilterExpression": "a ="}, 'Invalid FilterExpression: Syntax error; token: "<EOF>", near: "="'),
        ({"ExpressionAttributeNames": {"#a": "a"}}, "ExpressionAttributeNames can only be specified when using"),
        ({"KeyConditionExpression": "sk = :v", "ExpressionAttributeValues": {":v": {"N": "1"}}},
         "Query condition missed key schema element: pk"),
        ({"KeyConditionExpression": "pk = :v", "FilterExpression": "sk = :v",
          "ExpressionAttributeValues": {":v": {"S": "1"}}}, "Filter Expression can only contain non-primary key"),
        ({"ProjectionExpression": "a, a"}, "Invalid ProjectionExpression: Two document paths overlap"),
    ],
    ids=shown,
)  # fmt: skip
def test_filters_of_exports_that_are_refused(cloud: Cloud, asked: dict[str, Any], text: str) -> None:
    recoverable(cloud, sk="N")
    arn = cloud.dynamodb("DescribeTable", TableName="tab")["Table"]["TableArn"]
    request = {"TableArn": arn, "S3Bucket": "files", "FilterSpecification": asked}
    assert refusal(cloud, "ExportTableToPointInTime", **request).startswith(text)


def test_exports_that_are_refused(bucket: Cloud) -> None:
    a_table(bucket)
    arn = bucket.dynamodb("DescribeTable", TableName="tab")["Table"]["TableArn"]

    def shape(**more: Any) -> str:
        error = bucket.error("dynamodb", "ExportTableToPointInTime", TableArn=arn, S3Bucket="files", **more)
        return error.shape

    assert shape() == "PointInTimeRecoveryUnavailableException"
    recover(bucket)
    assert shape(ExportFormat="ION") == "ValidationException"
    assert shape(ExportTime=bucket.clock.now_ms - 60_000) == "InvalidExportTimeException"
    short = {"ExportFromTime": bucket.clock.now_ms - 1000, "ExportToTime": bucket.clock.now_ms}
    assert shape(ExportType="INCREMENTAL_EXPORT", IncrementalExportSpecification=short) == "ValidationException"
    error = bucket.error("dynamodb", "DescribeExport", ExportArn=f"{arn}/export/01-aa")
    assert error.shape == "ExportNotFoundException"


def test_an_export_to_a_bucket_that_is_not_there_fails(cloud: Cloud) -> None:
    recoverable(cloud)
    told = export(cloud)
    assert (told["ExportStatus"], told["FailureCode"]) == ("FAILED", "S3NoSuchBucket")


def test_exports_are_listed_and_idempotent(bucket: Cloud) -> None:
    recoverable(bucket)
    first = export(bucket, ClientToken="one")
    bucket.clock.advance(seconds=1)
    second = export(bucket, ClientToken="two")
    arn = first["TableArn"]
    again = bucket.dynamodb("ExportTableToPointInTime", TableArn=arn, S3Bucket="files", ClientToken="one")
    assert again["ExportDescription"]["ExportArn"] == first["ExportArn"]
    error = bucket.error(
        "dynamodb", "ExportTableToPointInTime", TableArn=arn, S3Bucket="other", ClientToken="one"
    )
    assert error.shape == "ExportConflictException"
    page = bucket.dynamodb("ListExports", MaxResults=1)
    assert [one["ExportArn"] for one in page["ExportSummaries"]] == [first["ExportArn"]]
    page = bucket.dynamodb("ListExports", MaxResults=1, NextToken=page["NextToken"])
    assert [one["ExportArn"] for one in page["ExportSummaries"]] == [second["ExportArn"]]
    assert "NextToken" not in page


# -- imports -----------------------------------------------------------------------------------------


def begin_import(cloud: Cloud, format: str = "DYNAMODB_JSON", **more: Any) -> dict[str, Any]:
    """Import into `new`, with the key `pk`; further members with `table=`."""
    types = {"pk": "S", **more.pop("types", {})}
    table = {
        "TableName": "new",
        "AttributeDefinitions": [{"AttributeName": n, "AttributeType": t} for n, t in types.items()],
        "KeySchema": schema("pk", more.pop("sk", None)),
        "BillingMode": "PAY_PER_REQUEST",
        **more.pop("table", {}),
    }
    source = {"S3Bucket": "files", "S3KeyPrefix": more.pop("prefix", "in/")}
    told = cloud.dynamodb(
        "ImportTable", InputFormat=format, S3BucketSource=source, TableCreationParameters=table, **more
    )
    assert told["ImportTableDescription"]["ImportStatus"] == "IN_PROGRESS"
    return dict(told["ImportTableDescription"])


def imported(cloud: Cloud, *arguments: Any, **more: Any) -> dict[str, Any]:
    told = begin_import(cloud, *arguments, **more)
    cloud.clock.settle()
    found = cloud.dynamodb("DescribeImport", ImportArn=told["ImportArn"])["ImportTableDescription"]
    return dict(found)


def upload(cloud: Cloud, key: str, text: str | bytes, *, packed: bool = False) -> None:
    data = text.encode() if isinstance(text, str) else text
    cloud.s3("PutObject", Bucket="files", Key=key, Body=gzip.compress(data) if packed else data)


def test_what_was_exported_can_be_imported(bucket: Cloud) -> None:
    recoverable(bucket)
    for number in range(300):
        put(bucket, pk=str(number), b=bytes([number % 256]), deep={"l": [1, None, True]}, s={1, 2})
    told = export(bucket)
    folder = told["ExportManifest"].replace("manifest-summary.json", "data/")
    found = imported(
        bucket, prefix=folder, InputCompressionType="GZIP", types={"b": "B"},
        table={"GlobalSecondaryIndexes": [index("by-b", "b")]},
    )  # fmt: skip
    assert (found["ImportStatus"], found["ErrorCount"]) == ("COMPLETED", 0)
    assert found["ProcessedItemCount"] == found["ImportedItemCount"] == 300
    assert found["ProcessedSizeBytes"] > 0
    by_key = {one["pk"]: one for one in scan(bucket, TableName="new")}
    assert by_key == {one["pk"]: one for one in scan(bucket)}
    assert bucket.dynamodb("Scan", TableName="new", IndexName="by-b", Select="COUNT")["Count"] == 300
    assert bucket.dynamodb("DescribeTable", TableName="new")["Table"]["TableStatus"] == "ACTIVE"


def test_csv_with_a_header_in_the_file(bucket: Cloud) -> None:
    upload(bucket, "in/a.csv", 'pk,n,text\na,1,"x, ""y"""\nb,2.50,\n\nc,nan,z\nd,4\n')
    upload(bucket, "in/b.csv", "n,pk\r\n7,e\r\n")
    upload(bucket, "out/c.csv", "n,pk\n7,f\n")
    found = imported(bucket, "CSV", types={"n": "N"}, table={"GlobalSecondaryIndexes": [index("by-n", "n")]})
    assert (found["ImportStatus"], found["ErrorCount"], found["ImportedItemCount"]) == ("COMPLETED", 2, 3)
    assert get(bucket, "new", pk="a") == {"pk": "a", "n": 1, "text": 'x, "y"'}
    assert get(bucket, "new", pk="b") == {"pk": "b", "n": 2.5, "text": ""}
    assert get(bucket, "new", pk="e") == {"pk": "e", "n": 7}
    streams = bucket.logs("DescribeLogStreams", logGroupName="/aws-dynamodb/imports")["logStreams"]
    assert sorted(one["logStreamName"].rpartition("/")[2] for one in streams) == ["error", "info"]
    (error,) = [one["logStreamName"] for one in streams if one["logStreamName"].endswith("error")]
    events = bucket.logs("GetLogEvents", logGroupName="/aws-dynamodb/imports", logStreamName=error)["events"]
    pointers = [json.loads(one["message"])["itemS3Pointer"] for one in events]
    assert [(one["key"], one["itemIndex"]) for one in pointers] == [("in/a.csv", 4), ("in/a.csv", 5)]


def test_csv_with_a_header_and_a_delimiter_of_its_own(bucket: Cloud) -> None:
    upload(bucket, "in/a.csv", "a;1\nb;2", packed=True)
    found = imported(
        bucket, "CSV", InputCompressionType="GZIP",
        InputFormatOptions={"Csv": {"Delimiter": ";", "HeaderList": ["pk", "x"]}},
    )  # fmt: skip
    assert found["ImportedItemCount"] == 2
    assert get(bucket, "new", pk="b") == {"pk": "b", "x": "2"}


@pytest.mark.parametrize(
    "line",
    [
        "nonsense", "[]", "{}", '{"Item": 1}', '{"Item": {"pk": "a"}}', '{"Item": {"pk": {"S": 1}}}',
        '{"Item": {"pk": {"N": "1"}}}', '{"Item": {"x": {"S": "1"}}}', '{"Item": {"pk": {"S": ""}}}',
        '{"Item": {"pk": {"S": "a"}, "n": {"N": "x"}}}', '{"Item": {"pk": {"S": "a"}, "b": {"B": "?"}}}',
        '{"Item": {"pk": {"S": "a"}, "s": {"SS": []}}}', '{"Item": {"pk": {"S": "a"}, "x": {"S": "1", "N": "1"}}}',
        '{"Item": {"pk": {"S": "a"}, "x": ' + '{"L": [' * 500 + "]}" * 500 + "}}",
        '{"Item": {"pk": {"S": "' + "x" * 3_000_000 + '"}}}',
        '{"Item": {"pk": {"S": "a"}, "x": {"S": "' + "x" * 420_000 + '"}}}', "\0\0", "\xff",
    ],
    ids=range(18),
)  # fmt: skip
def test_a_line_that_is_no_item_is_counted_and_the_others_are_imported(bucket: Cloud, line: str) -> None:
    good = '{"Item": {"pk": {"S": "good"}}}'
    upload(bucket, "in/a.json", f"{good}\n{line}\n{good.replace('good', 'too')}\n")
    found = imported(bucket)
    assert (found["ImportStatus"], found["ErrorCount"], found["ImportedItemCount"]) == ("COMPLETED", 1, 2)
    assert {one["pk"] for one in scan(bucket, TableName="new")} == {"good", "too"}


def test_a_failed_import_leaves_no_table(bucket: Cloud) -> None:
    upload(bucket, "in/a.json", "not packed")
    found = imported(bucket, InputCompressionType="GZIP")
    assert (found["ImportStatus"], found["FailureCode"]) == ("FAILED", "InvalidInputFile")
    assert bucket.error("dynamodb", "DescribeTable", TableName="new").shape == "ResourceNotFoundException"


def test_an_import_from_a_bucket_that_is_not_there_fails(cloud: Cloud) -> None:
    found = imported(cloud)
    assert (found["ImportStatus"], found["FailureCode"]) == ("FAILED", "S3NoSuchBucket")


def test_imports_that_are_refused(bucket: Cloud) -> None:
    a_table(bucket, "new")
    for more, shape in (
        ({}, "ResourceInUseException"),
        ({"InputFormat": "ION"}, "ValidationException"),
        ({"InputCompressionType": "ZSTD"}, "ValidationException"),
    ):
        request: dict[str, Any] = {
            "InputFormat": "CSV",
            "S3BucketSource": {"S3Bucket": "files"},
            "TableCreationParameters": {
                "TableName": "new",
                "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
                "KeySchema": schema("pk"),
                "BillingMode": "PAY_PER_REQUEST",
            },
            **more,
        }
        assert bucket.error("dynamodb", "ImportTable", **request).shape == shape


def test_imports_are_listed(bucket: Cloud) -> None:
    first = imported(bucket, ClientToken="one")
    assert first["ImportStatus"] == "COMPLETED"
    assert begin_import_again(bucket, "one") == first["ImportArn"]
    (summary,) = bucket.dynamodb("ListImports", PageSize=1)["ImportSummaryList"]
    assert summary["ImportArn"] == first["ImportArn"]
    assert summary["CloudWatchLogGroupArn"].endswith(":log-group:/aws-dynamodb/imports:*")
    bucket.dynamodb("DeleteTable", TableName="new")
    bucket.clock.advance(seconds=1)
    imported(bucket)
    page = bucket.dynamodb("ListImports", PageSize=1)
    rest = bucket.dynamodb("ListImports", PageSize=1, NextToken=page["NextToken"])
    assert len(rest["ImportSummaryList"]) == 1
    assert rest["ImportSummaryList"] != page["ImportSummaryList"]


def begin_import_again(cloud: Cloud, token: str) -> str:
    told = cloud.dynamodb(
        "ImportTable",
        InputFormat="DYNAMODB_JSON",
        S3BucketSource={"S3Bucket": "files", "S3KeyPrefix": "in/"},
        TableCreationParameters={
            "TableName": "new",
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
            "KeySchema": schema("pk"),
            "BillingMode": "PAY_PER_REQUEST",
        },
        ClientToken=token,
    )
    return str(told["ImportTableDescription"]["ImportArn"])


def test_an_import_and_an_export_go_on_after_a_restart(tmp_path: Path) -> None:
    cloud = Cloud(tmp_path)
    try:
        cloud.s3("CreateBucket", Bucket="files")
        good = "".join(json.dumps({"Item": item(pk=str(number))}) + "\n" for number in range(400))
        upload(cloud, "in/a.json", good)
        told = begin_import(cloud)
        cloud.reopen()
        cloud.clock.settle()
        found = cloud.dynamodb("DescribeImport", ImportArn=told["ImportArn"])["ImportTableDescription"]
        assert (found["ImportStatus"], found["ImportedItemCount"]) == ("COMPLETED", 400)
        assert found["ProcessedSizeBytes"] == len(good)
        assert len([plains(one) for one in cloud.dynamodb("Scan", TableName="new")["Items"]]) == 400
    finally:
        cloud.close()


def test_what_the_store_refuses_for_a_moment_is_tried_again(
    bucket: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ballroom.kernel.errors import Throttled
    from ballroom.services.dynamodb.exports import writing

    recoverable(bucket)
    put(bucket, pk="a")
    refused: list[int] = []
    lines_of = writing._lines

    def throttled(*arguments: Any) -> Any:
        if not refused:
            refused.append(1)
            raise Throttled
        return lines_of(*arguments)

    monkeypatch.setattr(writing, "_lines", throttled)
    told = export(bucket)
    bucket.clock.advance(seconds=5)
    found = bucket.dynamodb("DescribeExport", ExportArn=told["ExportArn"])["ExportDescription"]
    assert (found["ExportStatus"], found["ItemCount"], refused) == ("COMPLETED", 1, [1])
