"""Two clients of SQS that answer alike: boto3 (json) and one for the query protocol that older SDKs speak."""

from __future__ import annotations

import urllib.error
import urllib.request
from base64 import b64decode, b64encode
from typing import Any, Protocol
from urllib.parse import urlencode
from xml.etree import ElementTree

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

REGION = "us-east-1"
_NAMESPACE = "{http://queue.amazonaws.com/doc/2012-11-05/}"
_LISTS = {
    "Entries": "{operation}RequestEntry",
    "AttributeNames": "AttributeName",
    "MessageAttributeNames": "MessageAttributeName",
    "MessageSystemAttributeNames": "MessageSystemAttributeName",
    "AWSAccountIds": "AWSAccountId",
    "Actions": "ActionName",
    "TagKeys": "TagKey",
}
_MAPS = {
    "Attributes": ("Attribute", "Name", "Value"),
    "Tags": ("Tag", "Key", "Value"),
    "MessageAttributes": ("MessageAttribute", "Name", "Value"),
    "MessageSystemAttributes": ("MessageSystemAttribute", "Name", "Value"),
}
_MANY = {
    "Message": "Messages",
    "QueueUrl": "QueueUrls",
    "BatchResultErrorEntry": "Failed",
    "SendMessageBatchResultEntry": "Successful",
    "DeleteMessageBatchResultEntry": "Successful",
    "ChangeMessageVisibilityBatchResultEntry": "Successful",
}


class Client(Protocol):
    """Calls an operation; an error is an answer too, as boto3 tells it."""

    def __call__(self, operation: str, /, **given: Any) -> dict[str, Any]: ...


def _without_headers(answer: dict[str, Any]) -> dict[str, Any]:
    status = answer["ResponseMetadata"]["HTTPStatusCode"]
    return {**answer, "ResponseMetadata": {"HTTPHeaders": {}, "HTTPStatusCode": status}}


class JsonClient:
    """boto3."""

    def __init__(self, endpoint: str, account: str) -> None:
        self._client = boto3.client(
            "sqs", endpoint_url=endpoint, region_name=REGION, aws_access_key_id=account,
            aws_secret_access_key="test",
            config=Config(parameter_validation=False, retries={"max_attempts": 0}),
        )  # fmt: skip

    def __call__(self, operation: str, /, **given: Any) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = self._client._make_api_call(operation, given)
        except ClientError as error:
            answer = error.response
        return _without_headers(answer)


class QueryClient:
    """Forms and XML, posted to the queue's URL as older SDKs do."""

    def __init__(self, endpoint: str, account: str) -> None:
        self._endpoint = endpoint
        self._credentials = Credentials(account, "test")

    def __call__(self, operation: str, /, **given: Any) -> dict[str, Any]:
        fields = [("Action", operation), ("Version", "2012-11-05"), *_fields(operation, given)]
        url = given.get("QueueUrl") or self._endpoint
        form = AWSRequest("POST", url, data=urlencode(fields))
        form.headers["Content-Type"] = "application/x-www-form-urlencoded"
        SigV4Auth(self._credentials, "sqs", REGION).add_auth(form)
        request = urllib.request.Request(url, form.body, dict(form.headers.items()))
        try:
            with urllib.request.urlopen(request, timeout=20) as response:
                status, root = response.status, ElementTree.fromstring(response.read())
        except urllib.error.HTTPError as refused:
            with refused:
                status, root = refused.code, ElementTree.fromstring(refused.read())
            answer = {"Error": {_name(e): e.text for e in root[0]}}
        else:
            answer = _structure(root[0]) if _name(root[0]).endswith("Result") else {}
        return {**answer, "ResponseMetadata": {"HTTPHeaders": {}, "HTTPStatusCode": status}}


def _fields(operation: str, given: dict[str, Any]) -> list[tuple[str, Any]]:
    fields: list[tuple[str, Any]] = []
    for name, value in given.items():
        if name in _LISTS:
            wire = _LISTS[name].format(operation=operation)
            for n, item in enumerate(value, 1):
                if isinstance(item, dict):
                    fields += [(f"{wire}.{n}.{k}", v) for k, v in _fields(operation, item)]
                else:
                    fields.append((f"{wire}.{n}", item))
        elif name in _MAPS:
            wire, key_name, value_name = _MAPS[name]
            for n, (key, item) in enumerate(value.items(), 1):
                fields.append((f"{wire}.{n}.{key_name}", key))
                if isinstance(item, dict):
                    fields += [(f"{wire}.{n}.{value_name}.{k}", v) for k, v in _fields(operation, item)]
                else:
                    fields.append((f"{wire}.{n}.{value_name}", item))
        else:
            fields.append((name, b64encode(value).decode() if isinstance(value, bytes) else value))
    return fields


def _name(element: ElementTree.Element) -> str:
    return element.tag.removeprefix(_NAMESPACE)


def _structure(element: ElementTree.Element) -> dict[str, Any]:
    told: dict[str, Any] = {}
    single = {_name(e) for e in element} == {"QueueUrl"} and not _name(element).startswith("List")
    for child in element:
        name = _name(child)
        if name in ("Attribute", "Tag", "MessageAttribute"):
            key, value = child[0].text, child[1]
            told.setdefault(f"{name}s", {})[key] = _structure(value) if len(value) else value.text or ""
        elif name in _MANY and not single:
            told.setdefault(_MANY[name], []).append(_structure(child) if len(child) else child.text)
        elif name == "SenderFault":
            told[name] = child.text == "true"
        elif name == "BinaryValue":
            told[name] = b64decode(child.text or "")
        else:
            told[name] = _structure(child) if len(child) else child.text or ""
    return told
