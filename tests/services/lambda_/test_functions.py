from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.cloud import Cloud
from tests.services.lambda_.floor import ARN, ECHO, ROLE, a_function, package

from ballroom.services.lambda_ import packages


def test_a_new_function_is_pending_in_the_answer_and_active_after(cloud: Cloud) -> None:
    created = a_function(cloud)
    assert (created["State"], created["StateReasonCode"]) == ("Pending", "Creating")
    shown = cloud.call("lambda", "GetFunction", FunctionName="f")["Configuration"]
    assert (shown["State"], shown["LastUpdateStatus"]) == ("Active", "Successful")
    assert shown["RevisionId"] != created["RevisionId"]
    assert (shown["MemorySize"], shown["Timeout"], shown["EphemeralStorage"]) == (128, 3, {"Size": 512})
    assert shown["CodeSha256"] == packages.code_sha256(package())
    assert "Environment" not in shown  # what was not given is absent


def test_a_name_is_taken_once(cloud: Cloud) -> None:
    a_function(cloud)
    error = cloud.error(
        "lambda", "CreateFunction", FunctionName="f", Runtime="python3.12", Role=ROLE, Handler="a.b",
        Code={"ZipFile": package()},
    )  # fmt: skip
    assert (error.shape, error.text) == ("ResourceConflictException", "Function already exist: f")


@pytest.mark.parametrize(
    ("change", "shape", "text"),
    [
        ({"Timeout": 901}, "ValidationException", "less than or equal to 900"),
        ({"MemorySize": 10_241}, "ValidationException", "less than or equal to 10240"),
        ({"EphemeralStorage": {"Size": 10_241}}, "ValidationException", "'ephemeralStorage.size'"),
        ({"Runtime": "python3.7"}, "InvalidParameterValueException", "python3.7 is no longer supported"),
        ({"Runtime": "cobol"}, "InvalidParameterValueException", "Value cobol at 'runtime' failed"),
        ({"Environment": {"Variables": {"AWS_REGION": "x"}}}, "InvalidParameterValueException",
         "reserved keys that are currently not supported for modification. Reserved keys used in this "
         "request: AWS_REGION"),
        ({"Environment": {"Variables": {"BIG": "x" * 4096}}}, "InvalidParameterValueException",
         "exceeded the 4KB limit. String measured: {\"BIG\":"),
        ({"PackageType": "Image", "Code": {"ImageUri": "i"}}, "NotImplemented", "PackageType Image"),
        ({"FileSystemConfigs": [{"Arn": "arn:aws:elasticfilesystem:us-east-1:000000000000:access-point/"
                                        "fsap-12345678901234567", "LocalMountPath": "/mnt/a"}]},
         "NotImplemented", "FileSystemConfigs"),
        ({"SnapStart": {"ApplyOn": "PublishedVersions"}, "Runtime": "python3.9"},
         "InvalidParameterValueException", "python3.9 is not supported for SnapStart enabled functions."),
        ({"LoggingConfig": {"LogFormat": "Text", "ApplicationLogLevel": "DEBUG"}},
         "InvalidParameterValueException", "JSON"),
        ({"Layers": ["arn:aws:lambda:us-east-1:000000000000:layer:none:1"]},
         "InvalidParameterValueException", "layer:none:1 does not exist."),
        ({"Code": {"ZipFile": b"no zip"}}, "InvalidParameterValueException", "Could not unzip"),
        ({"Code": {"ZipFile": package(), "S3Bucket": "bucket", "S3Key": "k"}},
         "InvalidParameterValueException", "Please do not provide other FunctionCode parameters"),
        ({"FunctionName": "a" * 65}, "InvalidParameterValueException", "less than or equal to 64"),
    ],
    ids=lambda value: "" if isinstance(value, str) else next(iter(value)),
)  # fmt: skip
def test_a_setting_that_breaks_awss_rules_is_refused_and_nothing_is_made(
    cloud: Cloud, change: dict[str, Any], shape: str, text: str
) -> None:
    request = {
        "FunctionName": "f", "Runtime": "python3.12", "Role": ROLE, "Handler": "index.handler",
        "Code": {"ZipFile": package()}, **change,
    }  # fmt: skip
    error = cloud.error("lambda", "CreateFunction", **request)
    assert error.shape == shape
    assert text in error.text
    assert cloud.call("lambda", "ListFunctions")["Functions"] == []


def test_runtime_and_handler_are_needed_for_packages(cloud: Cloud) -> None:
    error = cloud.error("lambda", "CreateFunction", FunctionName="f", Role=ROLE, Code={"ZipFile": package()})
    assert error.text == (
        "Runtime and Handler are mandatory parameters for functions created with deployment packages."
    )


def test_an_update_changes_what_it_names_and_gives_a_new_revision(cloud: Cloud) -> None:
    a_function(cloud, Environment={"Variables": {"KEY": "1"}}, Description="old")
    before = cloud.call("lambda", "GetFunctionConfiguration", FunctionName="f")
    update = cloud.call("lambda", "UpdateFunctionConfiguration", FunctionName="f", Timeout=9)
    assert update["LastUpdateStatus"] == "InProgress"
    cloud.clock.settle()
    after = cloud.call("lambda", "GetFunctionConfiguration", FunctionName="f")
    assert (after["Timeout"], after["Description"]) == (9, "old")
    assert after["Environment"] == {"Variables": {"KEY": "1"}}
    assert after["LastUpdateStatus"] == "Successful"
    assert len({before["RevisionId"], update["RevisionId"], after["RevisionId"]}) == 3


def test_a_stale_revision_is_refused(cloud: Cloud) -> None:
    created = a_function(cloud)
    error = cloud.error(
        "lambda", "UpdateFunctionConfiguration", FunctionName="f", RevisionId=created["RevisionId"]
    )
    assert (error.shape, error.status) == ("PreconditionFailedException", 412)


def test_new_code_changes_the_hash_and_a_dry_run_does_not(cloud: Cloud) -> None:
    a_function(cloud)
    other = package("def handler(e, c): return 2\n")
    tried = cloud.call("lambda", "UpdateFunctionCode", FunctionName="f", ZipFile=other, DryRun=True)
    assert tried["CodeSha256"] == packages.code_sha256(other)
    kept = cloud.call("lambda", "GetFunctionConfiguration", FunctionName="f")
    assert kept["CodeSha256"] == packages.code_sha256(package())
    cloud.call("lambda", "UpdateFunctionCode", FunctionName="f", ZipFile=other)
    changed = cloud.call("lambda", "GetFunctionConfiguration", FunctionName="f")
    assert changed["CodeSha256"] == packages.code_sha256(other)


def test_json_logging_has_levels_and_text_forgets_them(cloud: Cloud) -> None:
    a_function(cloud)
    json_config = cloud.call(
        "lambda", "UpdateFunctionConfiguration", FunctionName="f", LoggingConfig={"LogFormat": "JSON"}
    )["LoggingConfig"]
    assert json_config == {
        "LogFormat": "JSON", "LogGroup": "/aws/lambda/f", "ApplicationLogLevel": "INFO",
        "SystemLogLevel": "INFO",
    }  # fmt: skip
    text_config = cloud.call(
        "lambda", "UpdateFunctionConfiguration", FunctionName="f", LoggingConfig={"LogFormat": "Text"}
    )["LoggingConfig"]
    assert text_config == {"LogFormat": "Text", "LogGroup": "/aws/lambda/f"}


def test_lists_come_in_pages_that_hold_every_function_once(cloud: Cloud) -> None:
    for n in range(7):
        a_function(cloud, name=f"f{n}")
    names, marker = [], {}
    while True:
        page = cloud.call("lambda", "ListFunctions", MaxItems=3, **marker)
        names += [f["FunctionName"] for f in page["Functions"]]
        assert all("State" not in f for f in page["Functions"])
        if "NextMarker" not in page:
            break
        marker = {"Marker": page["NextMarker"]}
    assert names == [f"f{n}" for n in range(7)]


def test_a_deleted_function_takes_everything_with_it(cloud: Cloud) -> None:
    a_function(cloud, Publish=True)
    cloud.call("lambda", "CreateAlias", FunctionName="f", Name="live", FunctionVersion="1")
    cloud.call("lambda", "CreateFunctionUrlConfig", FunctionName="f", AuthType="NONE")
    cloud.call(
        "lambda", "AddPermission", FunctionName="f", StatementId="s", Action="lambda:InvokeFunction",
        Principal="*",
    )  # fmt: skip
    assert cloud.call("lambda", "DeleteFunction", FunctionName="f") == {"StatusCode": 204}
    error = cloud.error("lambda", "GetFunction", FunctionName="f")
    assert error.text == f"Function not found: {ARN}:f"
    a_function(cloud)  # the name is free, and nothing old is left
    for operation in ("GetPolicy", "GetFunctionUrlConfig"):
        assert cloud.error("lambda", operation, FunctionName="f").shape == "ResourceNotFoundException"
    assert cloud.call("lambda", "ListAliases", FunctionName="f") == {"Aliases": []}


def test_accounts_and_regions_do_not_see_each_other(cloud: Cloud) -> None:
    a_function(cloud)
    for caller in (cloud.caller(account="111111111111"), cloud.caller(region="eu-west-1")):
        assert cloud.call("lambda", "ListFunctions", caller)["Functions"] == []


def test_another_account_needs_a_permission_of_the_function(cloud: Cloud) -> None:
    a_function(cloud)
    stranger = cloud.caller(account="111111111111")
    error = cloud.error("lambda", "GetFunction", stranger, FunctionName=f"{ARN}:f")
    assert (error.shape, error.status) == ("AccessDeniedException", 403)
    cloud.call(
        "lambda", "AddPermission", FunctionName="f", StatementId="s", Action="lambda:GetFunction",
        Principal="111111111111",
    )  # fmt: skip
    found = cloud.call("lambda", "GetFunction", stranger, FunctionName=f"{ARN}:f")
    assert found["Configuration"]["FunctionArn"] == f"{ARN}:f"


def test_a_folder_is_used_in_place_and_a_version_keeps_a_copy(cloud: Cloud, tmp_path: Path) -> None:
    (tmp_path / "index.py").write_text(ECHO)
    code = {"S3Bucket": "ballroom-local", "S3Key": str(tmp_path)}
    a_function(cloud, Code=code)
    first = cloud.call("lambda", "PublishVersion", FunctionName="f")
    assert cloud.call("lambda", "PublishVersion", FunctionName="f")["Version"] == first["Version"] == "1"
    (tmp_path / "index.py").write_text("def handler(e, c): return 2\n")
    second = cloud.call("lambda", "PublishVersion", FunctionName="f")
    assert second["Version"] == "2"
    assert second["CodeSha256"] != first["CodeSha256"]
    kept = cloud.call("lambda", "GetFunctionConfiguration", FunctionName="f", Qualifier="1")
    assert kept["CodeSha256"] == first["CodeSha256"]


def test_a_folder_is_refused_where_others_can_reach_the_server(tmp_path: Path) -> None:
    cloud = Cloud(host="0.0.0.0")
    (tmp_path / "index.py").write_text(ECHO)
    error = cloud.error(
        "lambda", "CreateFunction", FunctionName="f", Runtime="python3.12", Role=ROLE, Handler="a.b",
        Code={"S3Bucket": "ballroom-local", "S3Key": str(tmp_path)},
    )  # fmt: skip
    cloud.close()
    assert "loopback" in error.text


def test_functions_are_there_after_a_restart(durable_cloud: Cloud) -> None:
    a_function(durable_cloud)
    before = durable_cloud.call("lambda", "GetFunction", FunctionName="f")
    durable_cloud.reopen()
    assert durable_cloud.call("lambda", "GetFunction", FunctionName="f") == before
