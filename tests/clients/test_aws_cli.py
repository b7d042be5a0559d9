"""The AWS CLI, unmodified."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from ballroom.testing import BallroomServer
from tests.clients.conftest import Aws
from tests.examples.urls import request

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_who_am_i(aws: Aws) -> None:
    assert aws("sts", "get-caller-identity")["Account"] == "000000000000"


def test_an_error_has_the_text_that_scripts_expect(aws: Aws) -> None:
    said = aws("sqs", "get-queue-url", "--queue-name", "nobody", fails=True)
    assert said.endswith(
        "An error occurred (AWS.SimpleQueueService.NonExistentQueue) when calling the GetQueueUrl operation: "
        "The specified queue does not exist."
    )


def test_files_go_to_a_bucket_and_come_back(aws: Aws, tmp_path: Path) -> None:
    large = bytes(range(256)) * (40 << 10)  # 10 MiB: the CLI sends it in parts
    (tmp_path / "large.bin").write_bytes(large)
    aws("s3", "mb", "s3://cli-files")
    aws("s3", "cp", "large.bin", "s3://cli-files/folder/large.bin")
    aws("s3", "cp", "-", "s3://cli-files/ü ?.txt", input="piped")
    listing = aws("s3", "ls", "s3://cli-files", "--recursive")
    assert "10485760 folder/large.bin" in listing
    assert "5 ü ?.txt" in listing
    aws("s3", "cp", "s3://cli-files/folder/large.bin", "back.bin")
    assert (tmp_path / "back.bin").read_bytes() == large
    aws("s3", "rb", "s3://cli-files", "--force")
    assert "NoSuchBucket" in aws("s3", "ls", "s3://cli-files", fails=True)


def test_a_packaged_application_is_deployed(aws: Aws, server: BallroomServer, tmp_path: Path) -> None:
    aws("s3", "mb", "s3://cli-packages")
    aws(
        "cloudformation", "package", "--template-file", EXAMPLES / "hello" / "template.yaml",
        "--s3-bucket", "cli-packages", "--output-template-file", "packaged.yaml",
    )  # fmt: skip
    assert "s3://cli-packages/" in (tmp_path / "packaged.yaml").read_text()
    deploy = (
        "cloudformation", "deploy", "--template-file", "packaged.yaml", "--stack-name", "cli-hello",
        "--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND", "--no-fail-on-empty-changeset",
        "--parameter-overrides",
    )  # fmt: skip
    assert "Successfully created/updated stack - cli-hello" in aws(*deploy, "Greeting=Hi")
    [stack] = aws("cloudformation", "describe-stacks", "--stack-name", "cli-hello")["Stacks"]
    [output] = stack["Outputs"]
    assert request(output["OutputValue"])[1]["message"] == "Hi, dancer!"
    assert "Successfully created/updated" in aws(*deploy, "Greeting=Ho")
    assert request(output["OutputValue"])[1]["message"] == "Ho, dancer!"
    assert "No changes to deploy" in aws(*deploy, "Greeting=Ho")
    aws("cloudformation", "delete-stack", "--stack-name", "cli-hello")
    aws("cloudformation", "wait", "stack-delete-complete", "--stack-name", "cli-hello")


def test_a_function_is_made_invoked_and_its_log_tailed(aws: Aws, tmp_path: Path) -> None:
    import zipfile

    with zipfile.ZipFile(tmp_path / "code.zip", "w") as archive:
        archive.writestr(
            "app.py", "def handler(event, context):\n    print('heard', event['word'])\n    return event\n"
        )
    aws(
        "lambda", "create-function", "--function-name", "cli-echo", "--runtime", "python3.12", "--handler",
        "app.handler", "--role", "arn:aws:iam::000000000000:role/any", "--zip-file", "fileb://code.zip",
    )  # fmt: skip
    aws("lambda", "wait", "function-active-v2", "--function-name", "cli-echo")
    answer = aws(
        "lambda", "invoke", "--function-name", "cli-echo", "--payload", '{"word": "waltz"}',
        "out.json",
    )  # fmt: skip
    assert answer["StatusCode"] == 200
    assert json.loads((tmp_path / "out.json").read_text()) == {"word": "waltz"}
    found: Any = ""
    deadline = time.monotonic() + 30
    while "heard waltz" not in str(found) and time.monotonic() < deadline:
        found = aws("logs", "filter-log-events", "--log-group-name", "/aws/lambda/cli-echo")
    assert "heard waltz" in [event["message"].strip() for event in found["events"]]


def test_messages_are_sent_and_received(aws: Aws) -> None:
    url = aws("sqs", "create-queue", "--queue-name", "cli-q", "--attributes", "VisibilityTimeout=5")["QueueUrl"]
    sent = aws("sqs", "send-message", "--queue-url", url, "--message-body", "hello")
    [message] = aws("sqs", "receive-message", "--queue-url", url)["Messages"]
    assert (message["Body"], message["MessageId"]) == ("hello", sent["MessageId"])
    aws("sqs", "delete-message", "--queue-url", url, "--receipt-handle", message["ReceiptHandle"])


def test_parameters_and_roles_are_kept(aws: Aws) -> None:
    aws("ssm", "put-parameter", "--name", "/cli/word", "--value", "waltz", "--type", "String")
    assert aws("ssm", "get-parameter", "--name", "/cli/word")["Parameter"]["Value"] == "waltz"
    trust = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": ' \
        '"lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}'  # fmt: skip
    made = aws("iam", "create-role", "--role-name", "cli-role", "--assume-role-policy-document", trust)["Role"]
    assert made["Arn"] == "arn:aws:iam::000000000000:role/cli-role"


def test_a_table_is_waited_for_filled_and_asked(aws: Aws, tmp_path: Path) -> None:
    aws(
        "dynamodb", "create-table", "--table-name", "cli-things", "--billing-mode", "PAY_PER_REQUEST",
        "--attribute-definitions", "AttributeName=pk,AttributeType=S", "AttributeName=g,AttributeType=N",
        "--key-schema", "AttributeName=pk,KeyType=HASH", "--global-secondary-indexes",
        "IndexName=by-g,KeySchema=[{AttributeName=g,KeyType=HASH}],Projection={ProjectionType=KEYS_ONLY}",
    )  # fmt: skip
    aws("dynamodb", "wait", "table-exists", "--table-name", "cli-things")
    put = {"TableName": "cli-things", "Item": {"pk": {"S": "é"}, "g": {"N": "1"}, "b": {"B": "AAECAw=="}}}
    (tmp_path / "in.json").write_text(json.dumps(put))
    aws("dynamodb", "put-item", "--cli-input-json", f"file://{tmp_path / 'in.json'}")
    insert = "INSERT INTO \"cli-things\" VALUE {'pk': ?, 'g': 1}"
    aws("dynamodb", "execute-statement", "--statement", insert, "--parameters", '[{"S": "b"}]')
    select = 'SELECT pk FROM "cli-things"."by-g" WHERE g = 1'
    found = aws("dynamodb", "execute-statement", "--statement", select)["Items"]
    assert sorted(one["pk"]["S"] for one in found) == ["b", "é"]
    page = aws("dynamodb", "scan", "--table-name", "cli-things", "--max-items", "1")
    assert len(page["Items"]) == 1
    assert page["NextToken"]
    said = aws("dynamodb", "execute-statement", "--statement", "SELECT", fails=True)
    assert "(ValidationException) when calling the ExecuteStatement operation" in said
    aws("dynamodb", "delete-table", "--table-name", "cli-things")
    aws("dynamodb", "wait", "table-not-exists", "--table-name", "cli-things")
