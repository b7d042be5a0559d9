"""Models and their index, read from botocore's data without botocore."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ballroom.kernel.model import (
    ErrorShape,
    ModelMissing,
    UnknownOperation,
    all_services,
    by_signing_name,
    by_target_prefix,
    check_output,
    data,
    head,
    index,
    load_service,
    unknown_members,
)
from ballroom.kernel.model.enums import java_hash, printed_order


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An index that is not built yet, with a cache folder of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for kept in (index.all_services, index.by_target_prefix, index.by_signing_name):
        kept.cache_clear()
    yield tmp_path
    for kept in (index.all_services, index.by_target_prefix, index.by_signing_name):
        kept.cache_clear()


def test_a_head_tells_how_a_service_is_addressed() -> None:
    found = head("stepfunctions")
    assert found is not None
    assert (found.endpoint_prefix, found.signing_name, found.service_id) == ("states", "states", "SFN")
    assert (found.target_prefix, found.json_version, found.protocols) == ("AWSStepFunctions", "1.0", ("json",))
    assert head("monitoring") is None
    assert head("../botocore") is None


def test_all_services_are_found_by_target_and_signing_name(own_cache: Path) -> None:
    assert len(all_services()) > 400
    assert [service.name for service in by_target_prefix()["Logs_20140328"]] == ["logs"]
    assert {service.name for service in by_signing_name()["dynamodb"]} == {"dynamodb", "dynamodbstreams"}
    assert all_services()["cloudwatch"].protocols == ("smithy-rpc-v2-cbor", "json", "query")


def test_the_index_is_kept_and_a_broken_one_is_made_anew(own_cache: Path) -> None:
    first = all_services()
    (kept,) = (own_cache / "ballroom").iterdir()
    assert data.botocore_version() in kept.name
    for content in (kept.read_bytes(), b"{broken"):
        kept.write_bytes(content)
        index.all_services.cache_clear()
        assert all_services() == first


def test_an_index_that_cannot_be_kept_is_still_made(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/nowhere")
    assert "sqs" in all_services()


def test_the_models_own_lists_agree_with_the_heads() -> None:
    for name in ("sqs", "s3", "lambda", "cloudwatch", "ec2"):
        assert load_service(name).metadata == data.read_metadata(name)


def test_what_does_not_exist_is_said_so() -> None:
    with pytest.raises(ModelMissing):
        load_service("nonsense")
    with pytest.raises(UnknownOperation):
        load_service("sqs").operation("Nonsense")


def test_operations_and_their_shapes() -> None:
    operation = load_service("lambda").operation("Invoke")
    assert (operation.method, operation.status) == ("POST", 200)
    assert operation.input is not None
    assert operation.input.payload is operation.input.members["Payload"]
    assert operation.input.members["Qualifier"].location == "querystring"
    assert load_service("stepfunctions").operation("StartSyncExecution").host_prefix == "sync-"


def test_errors_know_code_status_and_fault() -> None:
    missing = load_service("iam").error("NoSuchEntityException")
    assert isinstance(missing, ErrorShape)
    assert (missing.code, missing.status, missing.fault) == ("NoSuchEntity", 404, "Sender")
    assert load_service("iam").error("NoSuchEntity") is missing
    broken = load_service("lambda").error("ServiceException")
    assert broken is not None
    assert (broken.status, broken.fault, broken.text_member) == (500, "Receiver", "Message")
    assert load_service("sqs").error("Nonsense") is None


def test_documentation_is_not_kept_in_memory() -> None:
    assert not any("documentation" in shape for shape in data.read_model("sqs")["shapes"].values())


def test_models_are_read_without_botocore_itself() -> None:
    program = "import sys; from ballroom.kernel import model; model.load_service('sqs')"
    program += "; print('botocore' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_answers_are_checked_against_their_shape() -> None:
    operation = load_service("sqs").operation("ReceiveMessage")
    assert check_output(operation, {"Messages": [{"Body": "x", "Attributes": {"SenderId": "1"}}]}) == []
    assert check_output(operation, {"Messages": [{"Body": 5, "Color": "red", "MessageId": None}]}) == [
        "ReceiveMessage.Messages[0].Color is not in the model",
        "ReceiveMessage.Messages[0].MessageId is None; an absent member has no key",
        "ReceiveMessage.Messages[0].Body should be string, is int",
    ]
    assert check_output(load_service("sqs").operation("DeleteMessage"), {}) == []
    assert check_output(load_service("sqs").operation("ListQueueTags"), []) == [
        "ListQueueTags should be structure, is list"
    ]


def test_misspelt_members_of_inputs_made_inside_are_noticed() -> None:
    shape = load_service("sqs").operation("SendMessage").input
    assert unknown_members(shape, {"QueueURL": "u", "MessageBody": "x"}) == [
        "input.QueueURL is not in the model"
    ]


def test_enum_values_are_printed_in_the_order_of_a_hash_table() -> None:
    assert java_hash("polygenelubricants") == 2**31
    assert printed_order(["BASIC", "OAUTH_CLIENT_CREDENTIALS", "API_KEY"]) == [
        *("BASIC", "OAUTH_CLIENT_CREDENTIALS", "API_KEY"),
    ]
    assert printed_order(["TRIM_HORIZON", "LATEST", "AT_TIMESTAMP"]) == [
        "LATEST",
        "AT_TIMESTAMP",
        "TRIM_HORIZON",
    ]
