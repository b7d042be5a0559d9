"""The rest-xml protocol: S3, CloudFront and Route 53."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from ballroom.gateway.wire import eventstream, s3headers, values, xml
from ballroom.gateway.wire.codec import Headers, Reply, facts_of
from ballroom.gateway.wire.query import namespace_of
from ballroom.gateway.wire.rest import ParameterRefused, RequestBinding, ResponseBinding
from ballroom.gateway.wire.xml import escape
from ballroom.gateway.wire.xmlshapes import Names, XmlReader, XmlWriter
from ballroom.kernel.errors import ServiceError
from ballroom.kernel.model import Member, OperationModel, SerializationFailed, ServiceModel

DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
XML_CONTENT = ("content-type", "application/xml")
BYTES_CONTENT = ("content-type", "binary/octet-stream")
S3_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"

S3_ROOTS = {
    "CompleteMultipartUpload": "CompleteMultipartUploadResult",
    "CreateMultipartUpload": "InitiateMultipartUploadResult",
    "CreateSession": "CreateSessionResult",
    "DeleteObjects": "DeleteResult",
    "GetBucketAccelerateConfiguration": "AccelerateConfiguration",
    "GetBucketAcl": "AccessControlPolicy",
    "GetBucketCors": "CORSConfiguration",
    "GetBucketLifecycleConfiguration": "LifecycleConfiguration",
    "GetBucketLocation": "LocationConstraint",
    "GetBucketLogging": "BucketLoggingStatus",
    "GetBucketNotificationConfiguration": "NotificationConfiguration",
    "GetBucketRequestPayment": "RequestPaymentConfiguration",
    "GetBucketTagging": "Tagging",
    "GetBucketVersioning": "VersioningConfiguration",
    "GetBucketWebsite": "WebsiteConfiguration",
    "GetObjectAcl": "AccessControlPolicy",
    "GetObjectAttributes": "GetObjectAttributesResponse",
    "GetObjectTagging": "Tagging",
    "ListBucketAnalyticsConfigurations": "ListBucketAnalyticsConfigurationResult",
    "ListBucketInventoryConfigurations": "ListInventoryConfigurationsResult",
    "ListBucketMetricsConfigurations": "ListMetricsConfigurationsResult",
    "ListBuckets": "ListAllMyBucketsResult",
    "ListDirectoryBuckets": "ListAllMyDirectoryBucketsResult",
    "ListMultipartUploads": "ListMultipartUploadsResult",
    "ListObjectVersions": "ListVersionsResult",
    "ListObjects": "ListBucketResult",
    "ListObjectsV2": "ListBucketResult",
    "ListParts": "ListPartsResult",
}
"""Root elements of S3's answers, which the model lacks. Source: S3 API Reference, response syntax."""
S3_STATUSES = dict.fromkeys(
    (
        "PutBucketAnalyticsConfiguration", "PutBucketIntelligentTieringConfiguration",
        "PutBucketInventoryConfiguration", "PutBucketMetricsConfiguration", "PutBucketPolicy",
        "PutBucketTagging",
    ),
    204,
)  # fmt: skip
"""Statuses that the model lacks. Source: recorded answers; S3 API Reference, PutBucketTagging."""
UNWRAPPED = frozenset({"GetBucketLocation"})
"""Answers whose only member is the root element itself."""


class RestXmlCodec:
    """One operation in rest-xml."""

    def __init__(self, operation: OperationModel, reader: XmlReader, writer: XmlWriter) -> None:
        self.operation = operation
        is_s3 = operation.service.name == "s3"
        if is_s3:
            name = operation.name
            self._request = RequestBinding(
                operation, s3headers.REFUSED.get(name), s3headers.IGNORED_IF_WRONG, s3headers.ADDED.get(name)
            )
        else:
            self._request = RequestBinding(operation)
        payload = operation.input.payload if operation.input else None
        self._payload = payload
        self._read: Callable[[Any], Any] | None = None
        if payload is not None:
            self._read = _payload_reader(payload, reader, is_s3)
        elif operation.input is not None and self._request.body_members:
            read_root = reader.structure(operation.input, self._request.body_members)
            self._read = lambda body: read_root(xml.parse(body))
        self._is_s3 = is_s3
        self._reads_object = is_s3 and operation.name in ("GetObject", "HeadObject")
        self._status = S3_STATUSES.get(operation.name) if is_s3 else None
        self._answer = ResponseBinding(operation.output, operation.status)
        self._write = _body_writer(operation, self._answer, writer)

    def parse(
        self, method: str, path: str, query: str, headers: Collection[tuple[str, str]], body: Any
    ) -> dict[str, Any]:
        """The input value from all of the request's parts."""
        if self._is_s3 and not (s3headers.is_escaped(path) and s3headers.is_escaped(query)):
            raise InvalidUri
        if self._reads_object and "response-" in query:
            s3headers.check_overrides(query)
        try:
            found = self._request.read(path, query, headers)
        except ParameterRefused as refusal:
            raise s3headers.wrong(refusal) or invalid_argument(refusal) from None
        except SerializationFailed:
            raise InvalidUri from None
        if self._read is None:
            return found
        try:
            if self._payload is not None:
                if self._payload.is_streaming or body or self._payload.shape.kind == "string":
                    found[self._payload.name] = self._read(body)
            elif body:
                found.update(self._read(body))
        except RecursionError:
            raise xml.XmlRefused from None
        return found

    def serialise(self, output: dict[str, Any], request_id: str) -> Reply:
        """The output in status, headers and body."""
        headers: Headers = []
        status = self._answer.write(output, headers)
        if self._status is not None:
            status = self._status
        elif "ContentRange" in output:
            status = 206  # S3's model has no member for it
        content_type, body = self._write(output)
        if body != b"" and not any(name.lower() == "content-type" for name, _ in headers):
            headers.append(content_type)
        headers += identity_headers(self.operation.service, request_id)
        return Reply(status, headers, b"" if self.operation.method == "HEAD" else body)

    def serialise_error(self, error: ServiceError, request_id: str) -> Reply:
        """The error as XML; a HEAD gets the status only."""
        reply = serialise_error(self.operation.service, error, request_id)
        return reply._replace(body=b"") if self.operation.method == "HEAD" else reply


class InvalidArgument(SerializationFailed):
    """A parameter or header has a value that its type can't hold.

    Source: S3 API Reference, error responses; what S3 answers for `max-keys=abc`.
    """

    shape = "InvalidArgument"


class InvalidUri(SerializationFailed):
    """The path or query string is no text."""

    shape = "InvalidURI"
    text = "Couldn't parse the specified URI."


def invalid_argument(refusal: ParameterRefused) -> InvalidArgument:
    """S3's words for a parameter that can't be read."""
    name = refusal.member.wire_name
    text = refusal.text
    if refusal.member.shape.kind in ("integer", "long"):
        text = f"Provided {name} not an integer or within integer range"
    return InvalidArgument(text, ArgumentName=name, ArgumentValue=refusal.given[:256])


def _payload_reader(payload: Member, reader: XmlReader, is_s3: bool) -> Callable[[Any], Any]:
    if payload.shape.kind == "blob":
        return lambda body: body
    if payload.shape.kind == "string":
        return values.utf8
    read = reader.of(payload)
    root_name = payload.traits.get("locationName") if is_s3 else None
    if root_name is None:
        return lambda body: read(xml.parse(body))

    def read_root(body: Any) -> Any:
        root = xml.parse(body)
        if root.name != root_name:
            raise xml.XmlRefused
        value = read(root)
        if root_name == "Tagging":
            value.setdefault("TagSet", [])  # S3 takes `<Tagging/>`, though its model demands the set
        return value

    return read_root


Written = tuple[tuple[str, str], Any]


def _body_writer(
    operation: OperationModel, answer: ResponseBinding, writer: XmlWriter
) -> Callable[[dict[str, Any]], Written]:
    shape, payload = operation.output, answer.payload
    is_s3 = operation.service.name == "s3"
    namespace = S3_NAMESPACE if is_s3 else namespace_of(operation.service)
    if shape is None or (payload is None and not answer.body_members):
        return lambda output: (XML_CONTENT, b"")
    if payload is None:
        root = S3_ROOTS.get(operation.name, f"{operation.name}Result") if is_s3 else f"{operation.name}Response"
        if is_s3 and operation.name in UNWRAPPED:
            return _unwrapped(root, answer.body_members[0].name, namespace)
        write = writer.members(shape, answer.body_members)
        return lambda output: (XML_CONTENT, _document(root, namespace, write, output))
    name = payload.name
    if payload.is_event_stream:
        encode = eventstream.writer(payload.shape, lambda members: _events_xml(writer, members), "text/xml")
        return lambda output: (("content-type", "application/vnd.amazon.eventstream"), encode(output[name]))
    if payload.shape.kind in ("blob", "string"):
        return lambda output: (BYTES_CONTENT, _raw(output.get(name, b"")))
    root = payload.traits.get("locationName") or payload.shape.name
    write_payload = writer.members(payload.shape, payload.shape.members.values())

    def written(output: dict[str, Any]) -> Written:
        value = output.get(name)
        return XML_CONTENT, b"" if value is None else _document(root, namespace, write_payload, value)

    return written


def _document(
    root: str, namespace: str, write: Callable[[Any, list[str]], None], value: dict[str, Any]
) -> bytes:
    out = [f'{DECLARATION}<{root} xmlns="{namespace}">']
    write(value, out)
    out.append(f"</{root}>")
    return "".join(out).encode()


def _unwrapped(root: str, member: str, namespace: str) -> Callable[[dict[str, Any]], Written]:
    def write(output: dict[str, Any]) -> Written:
        value = output.get(member)
        end = f">{escape(value)}</{root}>" if value else "/>"
        return XML_CONTENT, f'{DECLARATION}<{root} xmlns="{namespace}"{end}'.encode()

    return write


def _events_xml(writer: XmlWriter, members: list[Member]) -> Callable[[dict[str, Any]], bytes]:
    """Only S3's SelectObjectContent streams events in XML; each event has at most one member."""
    written = [(member.name, writer.element(member.name, member)) for member in members]

    def write(value: dict[str, Any]) -> bytes:
        out: list[str] = []
        for name, write_member in written:
            if name in value:
                write_member(value[name], out)
        return "".join(out).encode()

    return write


def _raw(value: Any) -> Any:
    return value.encode() if isinstance(value, str) else value


def identity_headers(service: ServiceModel, request_id: str) -> Headers:
    """The request's id, under the names that the service uses."""
    if service.name == "s3":
        return [("x-amz-request-id", request_id), ("x-amz-id-2", request_id), ("server", "AmazonS3")]
    return [("x-amzn-requestid", request_id)]


def serialise_error(service: ServiceModel, error: ServiceError, request_id: str) -> Reply:
    """An error in rest-xml: S3 has it bare, the others in an ErrorResponse."""
    facts = facts_of(service, error)
    identity = escape(request_id)
    told = f"<Code>{escape(facts.code)}</Code><Message>{escape(facts.text)}</Message>"
    more = "".join(_field(name, value) for name, value in facts.fields.items())
    if service.name == "s3":
        body = f"<Error>{told}{more}<RequestId>{identity}</RequestId><HostId>{identity}</HostId></Error>"
    else:
        body = (
            f'<ErrorResponse xmlns="{namespace_of(service)}"><Error><Type>{facts.fault}</Type>{told}{more}'
            f"</Error><RequestId>{identity}</RequestId></ErrorResponse>"
        )
    headers: Headers = [*identity_headers(service, request_id), *error.headers]
    if facts.status != 304:
        headers.append(XML_CONTENT)
    return Reply(facts.status, headers, f"{DECLARATION}{body}".encode())


def _field(name: str, value: Any) -> str:
    """A further member of an error; all that AWS has are scalars."""
    text = values.boolean_out(value) if isinstance(value, bool) else str(value)
    return f"<{name}>{escape(text)}</{name}>"


class RestXmlProtocol:
    """rest-xml."""

    name = "rest-xml"

    def __init__(self) -> None:
        self._made: dict[str, tuple[XmlReader, XmlWriter]] = {}

    def compile(self, operation: OperationModel) -> RestXmlCodec:
        """A codec; the service's codecs share the converters of common shapes."""
        names = Names()
        fresh = (XmlReader(names), XmlWriter(names, values.iso_millis_out))
        reader, writer = self._made.setdefault(operation.service.name, fresh)
        return RestXmlCodec(operation, reader, writer)

    def serialise_error(self, service: ServiceModel, error: ServiceError, request_id: str) -> Reply:
        """An error before the operation is known."""
        return serialise_error(service, error, request_id)
