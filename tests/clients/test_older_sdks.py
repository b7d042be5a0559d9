"""SQS as SDKs of before 2023 speak it: the query protocol, forms and XML. Crafted as they send it."""

from __future__ import annotations

import hashlib
import http.client
import xml.etree.ElementTree as ET
from urllib.parse import urlencode, urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from ballroom.testing import BallroomServer

NAMESPACE = "{http://queue.amazonaws.com/doc/2012-11-05/}"


def query(server: BallroomServer, action: str, path: str = "/", **fields: str) -> tuple[int, ET.Element]:
    body = urlencode({"Action": action, "Version": "2012-11-05", **fields}).encode()
    request = AWSRequest(
        "POST",
        server.endpoint + path,
        {"content-type": "application/x-www-form-urlencoded; charset=utf-8"},
        body,
    )
    SigV4Auth(Credentials("test", "test"), "sqs", "us-east-1").add_auth(request)
    connection = http.client.HTTPConnection("127.0.0.1", server.settings.port, timeout=30)
    try:
        connection.request("POST", path, body, dict(request.headers.items()))
        answer = connection.getresponse()
        return answer.status, ET.fromstring(answer.read())
    finally:
        connection.close()


def text(found: ET.Element, *names: str) -> str | None:
    return found.findtext("/".join(NAMESPACE + name for name in names))


def test_a_message_is_sent_to_the_queues_own_address_and_received(server: BallroomServer) -> None:
    status, made = query(
        server,
        "CreateQueue",
        QueueName="older",
        **{"Attribute.1.Name": "DelaySeconds", "Attribute.1.Value": "0"},
    )
    assert (status, made.tag) == (200, NAMESPACE + "CreateQueueResponse")
    url = text(made, "CreateQueueResult", "QueueUrl")
    assert url
    path = urlsplit(url).path
    status, sent = query(
        server, "SendMessage", path, MessageBody="hello & <goodbye>",
        **{
            "MessageAttribute.1.Name": "kind", "MessageAttribute.1.Value.DataType": "String",
            "MessageAttribute.1.Value.StringValue": "old",
        },
    )  # fmt: skip
    digest = hashlib.md5(b"hello & <goodbye>").hexdigest()
    assert text(sent, "SendMessageResult", "MD5OfMessageBody") == digest
    status, received = query(
        server, "ReceiveMessage", path, **{"MessageAttributeName.1": "All", "AttributeName.1": "All"}
    )
    assert text(received, "ReceiveMessageResult", "Message", "Body") == "hello & <goodbye>"
    assert (
        text(received, "ReceiveMessageResult", "Message", "MessageAttribute", "Value", "StringValue") == "old"
    )
    handle = text(received, "ReceiveMessageResult", "Message", "ReceiptHandle")
    assert handle
    status, deleted = query(server, "DeleteMessage", path, ReceiptHandle=handle)
    assert (status, deleted.tag) == (200, NAMESPACE + "DeleteMessageResponse")
    assert text(deleted, "ResponseMetadata", "RequestId")


def test_an_error_has_the_code_that_older_programs_know(server: BallroomServer) -> None:
    status, failed = query(server, "GetQueueUrl", QueueName="nobody")
    assert (status, failed.tag) == (400, NAMESPACE + "ErrorResponse")
    assert text(failed, "Error", "Code") == "AWS.SimpleQueueService.NonExistentQueue"
    assert text(failed, "Error", "Type") == "Sender"
    assert text(failed, "Error", "Message") == "The specified queue does not exist for this wsdl version."


def test_a_batch_tells_of_each_entry(server: BallroomServer) -> None:
    _, made = query(server, "CreateQueue", QueueName="older-batch")
    path = urlsplit(text(made, "CreateQueueResult", "QueueUrl") or "").path
    entries = {
        "SendMessageBatchRequestEntry.1.Id": "a", "SendMessageBatchRequestEntry.1.MessageBody": "fine",
        "SendMessageBatchRequestEntry.2.Id": "b", "SendMessageBatchRequestEntry.2.MessageBody": "late",
        "SendMessageBatchRequestEntry.2.DelaySeconds": "901",
    }  # fmt: skip
    status, sent = query(server, "SendMessageBatch", path, **entries)
    assert status == 200
    assert text(sent, "SendMessageBatchResult", "SendMessageBatchResultEntry", "Id") == "a"
    assert text(sent, "SendMessageBatchResult", "BatchResultErrorEntry", "Id") == "b"


def test_both_protocols_see_the_same_queue(server: BallroomServer) -> None:
    url = server.client("sqs").create_queue(QueueName="both")["QueueUrl"]
    server.client("sqs").send_message(QueueUrl=url, MessageBody="by json")
    _, received = query(server, "ReceiveMessage", urlsplit(url).path)
    assert text(received, "ReceiveMessageResult", "Message", "Body") == "by json"
