"""Names that the newest models have lost, for SQS's query protocol (older SDKs) and its error codes.

SQS moved from query to json; its model kept the flattened lists but lost the names that they carry in
query strings and XML, and the errors lost their codes. Source: SQS API Reference (examples of requests,
answers and errors in the query protocol) and the recorded cases for the codes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

PREFIX = "AWS.SimpleQueueService."


@dataclass(frozen=True)
class LegacyNames:
    """What a model lacks for its older protocol.

    Attributes:
        namespace: of the answers' XML.
        members: names of members, by `(structure, member)`.
        elements: names of list elements, by list.
        entries: names of key and value, by map.
        codes: error codes, by error shape.
        synonyms: json's names of errors that have no shape in the model, by code.
        address: the input member that the request's path stands for.
    """

    namespace: str
    members: Mapping[tuple[str, str], str] = field(default_factory=dict)
    elements: Mapping[str, str] = field(default_factory=dict)
    entries: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    codes: Mapping[str, str] = field(default_factory=dict)
    synonyms: Mapping[str, str] = field(default_factory=dict)
    address: str | None = None


SQS = LegacyNames(
    namespace="http://queue.amazonaws.com/doc/2012-11-05/",
    members={
        ("CreateQueueRequest", "Attributes"): "Attribute",
        ("CreateQueueRequest", "tags"): "Tag",
        ("GetQueueAttributesResult", "Attributes"): "Attribute",
        ("ListQueueTagsResult", "Tags"): "Tag",
        ("Message", "Attributes"): "Attribute",
        ("Message", "MessageAttributes"): "MessageAttribute",
        ("SendMessageBatchRequestEntry", "MessageAttributes"): "MessageAttribute",
        ("SendMessageBatchRequestEntry", "MessageSystemAttributes"): "MessageSystemAttribute",
        ("SendMessageRequest", "MessageAttributes"): "MessageAttribute",
        ("SendMessageRequest", "MessageSystemAttributes"): "MessageSystemAttribute",
        ("SetQueueAttributesRequest", "Attributes"): "Attribute",
        ("TagQueueRequest", "Tags"): "Tag",
    },
    elements={
        "AWSAccountIdList": "AWSAccountId",
        "ActionNameList": "ActionName",
        "AttributeNameList": "AttributeName",
        "BatchResultErrorEntryList": "BatchResultErrorEntry",
        "BinaryList": "BinaryListValue",
        "ChangeMessageVisibilityBatchRequestEntryList": "ChangeMessageVisibilityBatchRequestEntry",
        "ChangeMessageVisibilityBatchResultEntryList": "ChangeMessageVisibilityBatchResultEntry",
        "DeleteMessageBatchRequestEntryList": "DeleteMessageBatchRequestEntry",
        "DeleteMessageBatchResultEntryList": "DeleteMessageBatchResultEntry",
        "ListMessageMoveTasksResultEntryList": "ListMessageMoveTasksResultEntry",
        "MessageAttributeNameList": "MessageAttributeName",
        "MessageList": "Message",
        "MessageSystemAttributeList": "MessageSystemAttributeName",
        "QueueUrlList": "QueueUrl",
        "SendMessageBatchRequestEntryList": "SendMessageBatchRequestEntry",
        "SendMessageBatchResultEntryList": "SendMessageBatchResultEntry",
        "StringList": "StringListValue",
        "TagKeyList": "TagKey",
    },
    entries={
        "MessageBodyAttributeMap": ("Name", "Value"),
        "MessageBodySystemAttributeMap": ("Name", "Value"),
        "MessageSystemAttributeMap": ("Name", "Value"),
        "QueueAttributeMap": ("Name", "Value"),
        "TagMap": ("Key", "Value"),
    },
    codes={
        "BatchEntryIdsNotDistinct": f"{PREFIX}BatchEntryIdsNotDistinct",
        "BatchRequestTooLong": f"{PREFIX}BatchRequestTooLong",
        "EmptyBatchRequest": f"{PREFIX}EmptyBatchRequest",
        "InvalidBatchEntryId": f"{PREFIX}InvalidBatchEntryId",
        "KmsAccessDenied": "KMS.AccessDeniedException",
        "KmsDisabled": "KMS.DisabledException",
        "KmsInvalidKeyUsage": "KMS.InvalidKeyUsageException",
        "KmsInvalidState": "KMS.InvalidStateException",
        "KmsNotFound": "KMS.NotFoundException",
        "KmsOptInRequired": "KMS.OptInRequired",
        "KmsThrottled": "KMS.ThrottlingException",
        "MessageNotInflight": f"{PREFIX}MessageNotInflight",
        "PurgeQueueInProgress": f"{PREFIX}PurgeQueueInProgress",
        "QueueDeletedRecently": f"{PREFIX}QueueDeletedRecently",
        "QueueDoesNotExist": f"{PREFIX}NonExistentQueue",
        "QueueNameExists": "QueueAlreadyExists",
        "TooManyEntriesInBatchRequest": f"{PREFIX}TooManyEntriesInBatchRequest",
        "UnsupportedOperation": f"{PREFIX}UnsupportedOperation",
    },
    synonyms={
        "InvalidParameterValue": "InvalidParameterValueException",
        "MissingParameter": "MissingRequiredParameterException",
    },
    address="QueueUrl",
)

LEGACY: dict[str, LegacyNames] = {"sqs": SQS}


def error_code(service: str, shape: str) -> str | None:
    """The older protocol's code for an error shape, if the model has lost it."""
    names = LEGACY.get(service)
    return names.codes.get(shape) if names else None


def error_names(service: str, given: str) -> tuple[str, str]:
    """Name in json and code in query of an error that the model doesn't have, by either of them."""
    names = LEGACY.get(service)
    for code, name in (names.synonyms if names else {}).items():
        if given in (code, name):
            return name, code
    return given, given
