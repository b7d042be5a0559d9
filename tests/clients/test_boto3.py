"""boto3 at the seams: one path through each service, waiters, paginators and streams included."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ballroom.testing import BallroomServer

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}


def test_a_role_is_made_and_assumed_and_its_credentials_work(server: BallroomServer) -> None:
    iam, sts = server.client("iam"), server.client("sts")
    trust = json.loads(json.dumps(TRUST).replace('"Service": "lambda.amazonaws.com"', '"AWS": "000000000000"'))
    role = iam.create_role(RoleName="boto-role", AssumeRolePolicyDocument=json.dumps(trust))["Role"]
    assert role["AssumeRolePolicyDocument"] == trust
    assert role["CreateDate"].tzinfo is not None
    keys = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="me")["Credentials"]
    import boto3

    assumed = boto3.session.Session(
        keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], "us-east-1"
    )
    who = assumed.client("sts", endpoint_url=server.endpoint).get_caller_identity()
    assert who["Arn"] == "arn:aws:sts::000000000000:assumed-role/boto-role/me"
    wrong = boto3.session.Session(keys["AccessKeyId"], "guessed", keys["SessionToken"], "us-east-1")
    with pytest.raises(ClientError) as refused:
        wrong.client("sts", endpoint_url=server.endpoint).get_caller_identity()
    assert refused.value.response["Error"]["Code"] == "SignatureDoesNotMatch"


def test_errors_are_the_exceptions_that_programs_catch(server: BallroomServer) -> None:
    sqs, iam, logs = server.client("sqs"), server.client("iam"), server.client("logs")
    with pytest.raises(sqs.exceptions.QueueDoesNotExist):
        sqs.get_queue_url(QueueName="nobody")
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_role(RoleName="nobody")
    with pytest.raises(logs.exceptions.ResourceNotFoundException):
        logs.describe_log_streams(logGroupName="nobody")
    lambda_, s3 = server.client("lambda"), server.client("s3")
    with pytest.raises(lambda_.exceptions.ResourceNotFoundException):
        lambda_.get_function(FunctionName="nobody")
    s3.create_bucket(Bucket="boto-errors")
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(Bucket="boto-errors", Key="nothing")
    with pytest.raises(server.client("ssm").exceptions.ParameterNotFound):
        server.client("ssm").get_parameter(Name="/nothing")


def test_an_operation_that_is_missing_is_named_and_never_an_empty_success(server: BallroomServer) -> None:
    for service, call in (
        ("kinesis", "list_streams"),
        ("ec2", "describe_instances"),
        ("route53", "list_hosted_zones"),
    ):
        with pytest.raises(ClientError) as refused:
            getattr(server.client(service), call)()
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
        assert service in str(refused.value).lower()


def test_a_message_travels_with_all_that_belongs_to_it(server: BallroomServer) -> None:
    sqs = server.client("sqs")
    url = sqs.create_queue(QueueName="boto.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    attribute = {"DataType": "Binary", "BinaryValue": b"\x00\xff"}
    sent = sqs.send_message(
        QueueUrl=url,
        MessageBody="<ü>",
        MessageGroupId="g",
        MessageDeduplicationId="d",
        MessageAttributes={"a": attribute},
    )
    [got] = sqs.receive_message(
        QueueUrl=url, MessageAttributeNames=["All"], MessageSystemAttributeNames=["All"]
    )["Messages"]
    assert (got["Body"], got["MessageAttributes"]["a"]["BinaryValue"]) == ("<ü>", b"\x00\xff")
    assert got["Attributes"]["SequenceNumber"] == sent["SequenceNumber"]
    batch = sqs.delete_message_batch(
        QueueUrl=url,
        Entries=[{"Id": "1", "ReceiptHandle": got["ReceiptHandle"]}, {"Id": "2", "ReceiptHandle": "nonsense"}],
    )
    assert [entry["Id"] for entry in batch["Successful"]] == ["1"]
    assert batch["Failed"][0]["Code"] == "ReceiptHandleIsInvalid"


def test_logs_are_put_found_and_paged(server: BallroomServer) -> None:
    import time

    logs = server.client("logs")
    logs.create_log_group(logGroupName="boto")
    logs.create_log_stream(logGroupName="boto", logStreamName="s")
    now = int(time.time() * 1000)
    events = [{"timestamp": now, "message": json.dumps({"n": n})} for n in range(25)]
    logs.put_log_events(logGroupName="boto", logStreamName="s", logEvents=events)
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName="boto", filterPattern="{ $.n >= 5 }", PaginationConfig={"PageSize": 7}
    )
    found = [json.loads(event["message"])["n"] for page in pages for event in page["events"]]
    assert found == list(range(5, 25))


def package(source: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("app.py", source)
    return buffer.getvalue()


def test_a_function_uses_plain_boto3_against_the_server_that_runs_it(server: BallroomServer) -> None:
    source = (
        "import boto3, json\n"
        "sqs = boto3.client('sqs')\n"
        "def handler(event, context):\n"
        "    url = sqs.create_queue(QueueName='made-inside')['QueueUrl']\n"
        "    sqs.send_message(QueueUrl=url, MessageBody=json.dumps(event))\n"
        "    return {'url': url, 'who': boto3.client('sts').get_caller_identity()['Arn']}\n"
    )
    lambda_, sqs = server.client("lambda"), server.client("sqs")
    role = server.client("iam").create_role(RoleName="boto-fn", AssumeRolePolicyDocument=json.dumps(TRUST))
    lambda_.create_function(
        FunctionName="boto-fn", Runtime="python3.12", Handler="app.handler", Role=role["Role"]["Arn"],
        Code={"ZipFile": package(source)}, Timeout=30,
    )  # fmt: skip
    lambda_.get_waiter("function_active_v2").wait(FunctionName="boto-fn")
    answer = lambda_.invoke(FunctionName="boto-fn", Payload=b'{"word": "waltz"}', LogType="Tail")
    said = json.load(answer["Payload"])
    assert "FunctionError" not in answer, said
    assert said["who"] == "arn:aws:sts::000000000000:assumed-role/boto-fn/boto-fn"
    [message] = sqs.receive_message(QueueUrl=said["url"])["Messages"]
    assert json.loads(message["Body"]) == {"word": "waltz"}


def test_an_object_is_streamed_in_parts(server: BallroomServer) -> None:
    s3 = server.client("s3")
    s3.create_bucket(Bucket="boto-objects")
    content = bytes(range(256)) * (70 << 10)
    s3.upload_fileobj(io.BytesIO(content), "boto-objects", "a/large")
    back = io.BytesIO()
    s3.download_fileobj("boto-objects", "a/large", back)
    assert back.getvalue() == content
    part = s3.get_object(Bucket="boto-objects", Key="a/large", Range="bytes=254-257")
    assert part["Body"].read() == b"\xfe\xff\x00\x01"
    s3.put_object(Bucket="boto-objects", Key="small", Body=b"x", Metadata={"k": "v"}, ContentType="text/plain")
    head = s3.head_object(Bucket="boto-objects", Key="small")
    assert (head["Metadata"], head["ContentType"], head["ContentLength"]) == ({"k": "v"}, "text/plain", 1)


def test_a_stack_is_made_changed_and_deleted(server: BallroomServer) -> None:
    cfn = server.client("cloudformation")

    def template(delay: int) -> str:
        queue = {"Type": "AWS::SQS::Queue", "Properties": {"DelaySeconds": delay}}
        parameter = {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": {"Ref": "Q"}}}
        return json.dumps(
            {"Resources": {"Q": queue, "P": parameter}, "Outputs": {"P": {"Value": {"Ref": "P"}}}}
        )

    def wait(name: str) -> Any:
        cfn.get_waiter(name).wait(StackName="boto-stack", WaiterConfig={"Delay": 1, "MaxAttempts": 30})

    cfn.create_stack(StackName="boto-stack", TemplateBody=template(1))
    wait("stack_create_complete")
    change = cfn.create_change_set(StackName="boto-stack", ChangeSetName="c", TemplateBody=template(2))
    cfn.get_waiter("change_set_create_complete").wait(ChangeSetName=change["Id"], WaiterConfig={"Delay": 1})
    [found] = cfn.describe_change_set(ChangeSetName=change["Id"])["Changes"]
    assert (found["ResourceChange"]["Action"], found["ResourceChange"]["LogicalResourceId"]) == ("Modify", "Q")
    cfn.execute_change_set(ChangeSetName=change["Id"])
    wait("stack_update_complete")
    [output] = cfn.describe_stacks(StackName="boto-stack")["Stacks"][0]["Outputs"]
    url = server.client("ssm").get_parameter(Name=output["OutputValue"])["Parameter"]["Value"]
    attributes = server.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["DelaySeconds"])
    assert attributes["Attributes"]["DelaySeconds"] == "2"
    cfn.delete_stack(StackName="boto-stack")
    wait("stack_delete_complete")


def test_parameters_are_found_by_path_in_pages(server: BallroomServer) -> None:
    ssm = server.client("ssm")
    for n in range(12):
        ssm.put_parameter(Name=f"/boto/{n:02}", Value=str(n), Type="String")
    pages = ssm.get_paginator("get_parameters_by_path").paginate(Path="/boto", PaginationConfig={"PageSize": 5})
    assert [p["Value"] for page in pages for p in page["Parameters"]] == [str(n) for n in range(12)]


def test_tables_with_the_resource_interface(server: BallroomServer) -> None:
    import boto3
    from boto3.dynamodb.conditions import Attr, Key

    client = server.client("dynamodb")
    session = boto3.session.Session("test", "test", region_name="us-east-1")
    dynamodb = session.resource("dynamodb", endpoint_url=server.endpoint)
    table = dynamodb.create_table(
        TableName="boto-things",
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"}, {"AttributeName": "sk", "AttributeType": "N"},
        ],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        BillingMode="PAY_PER_REQUEST",
    )  # fmt: skip
    table.wait_until_exists()
    with table.batch_writer() as batch:
        for n in range(60):
            batch.put_item(
                Item={"pk": "a", "sk": n, "tags": {"x", str(n)}, "data": b"\0\xff", "deep": [{"n": n}]}
            )
    found = table.query(
        KeyConditionExpression=Key("pk").eq("a") & Key("sk").between(10, 40),
        FilterExpression=Attr("tags").contains("20"),
    )["Items"]
    assert [(int(one["sk"]), one["data"].value, one["deep"]) for one in found] == [(20, b"\0\xff", [{"n": 20}])]
    changed = table.update_item(
        Key={"pk": "a", "sk": 1}, UpdateExpression="SET deep[0].n = deep[0].n + :v",
        ExpressionAttributeValues={":v": 5}, ReturnValues="ALL_NEW",
    )["Attributes"]  # fmt: skip
    assert changed["deep"] == [{"n": 6}]
    pages = client.get_paginator("scan").paginate(TableName="boto-things", PaginationConfig={"PageSize": 25})
    assert [page["Count"] for page in pages] == [25, 25, 10]
    with pytest.raises(table.meta.client.exceptions.ConditionalCheckFailedException) as failed:
        table.put_item(
            Item={"pk": "a", "sk": 1}, ConditionExpression=Attr("pk").not_exists(),
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )  # fmt: skip
    assert failed.value.response["Item"]["data"] == {"B": b"\0\xff"}
    with pytest.raises(client.exceptions.TransactionCanceledException) as cancelled:
        client.transact_write_items(
            TransactItems=[
                {"ConditionCheck": {"TableName": "boto-things", "Key": {"pk": {"S": "b"}, "sk": {"N": "1"}},
                                    "ConditionExpression": "attribute_exists(pk)"}}
            ]
        )  # fmt: skip
    assert cancelled.value.response["CancellationReasons"][0]["Code"] == "ConditionalCheckFailed"
    table.delete()
    table.wait_until_not_exists()
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.describe_table(TableName="boto-things")
