"""OIDC and SAML identity providers, stored: nothing here trusts them yet."""

from __future__ import annotations

from msgspec.structs import replace

from ballroom.kernel import NotImplementedHere, Request, Response, Tx, operation
from ballroom.services.iam.errors import EntityAlreadyExists, NoSuchEntity, ValidationError
from ballroom.services.iam.resources import Provider, arn_of, key, whole_seconds
from ballroom.services.iam.tags import tags_of, to_wire

_YEAR_MS = 365 * 24 * 3600 * 1000


def load_provider(tx: Tx, arn: str) -> Provider:
    """The identity provider of that ARN.

    Raises:
        NoSuchEntity: there is none.
    """
    found = tx.get(Provider, key(tx, "provider", arn))
    if found is None:
        what = "Manifest" if ":saml-provider/" in arn else "OpenIDConnect Provider"
        raise NoSuchEntity(f"{what} not found for arn {arn}")
    return found


def put_provider(tx: Tx, provider: Provider) -> None:
    """Store an identity provider."""
    tx.put(key(tx, "provider", provider.arn), provider)


def _create(tx: Tx, provider: Provider) -> None:
    if tx.get(Provider, key(tx, "provider", provider.arn)) is not None:
        raise EntityAlreadyExists(f"Provider with ARN {provider.arn} already exists.")
    put_provider(tx, provider)


@operation("CreateOpenIDConnectProvider")
def create_open_id_connect_provider(tx: Tx, request: Request) -> Response:
    """Store an OIDC provider.

    Source: IAM API Reference, CreateOpenIDConnectProvider.
    """
    scheme, _, rest = request["Url"].partition("://")
    if scheme != "https" or not rest:
        raise ValidationError("Invalid Open ID Connect Provider URL")
    provider = Provider(
        arn_of(tx, "oidc-provider", "/", rest), whole_seconds(tx.now_ms), url=rest,
        client_ids=request.get("ClientIDList", []), thumbprints=request.get("ThumbprintList", []),
        tags=tags_of(request),
    )
    _create(tx, provider)
    answer: Response = {"OpenIDConnectProviderArn": provider.arn}
    if provider.tags:
        answer["Tags"] = to_wire(provider.tags)
    return answer


@operation("GetOpenIDConnectProvider")
def get_open_id_connect_provider(tx: Tx, request: Request) -> Response:
    """An OIDC provider as it was stored.

    Source: IAM API Reference, GetOpenIDConnectProvider.
    """
    provider = load_provider(tx, request["OpenIDConnectProviderArn"])
    answer: Response = {
        "Url": provider.url, "ClientIDList": provider.client_ids,
        "ThumbprintList": provider.thumbprints, "CreateDate": provider.created_ms,
    }
    if provider.tags:
        answer["Tags"] = to_wire(provider.tags)
    return answer


@operation("ListOpenIDConnectProviders")
def list_open_id_connect_providers(tx: Tx, request: Request) -> Response:
    """The ARNs of the OIDC providers.

    Source: IAM API Reference, ListOpenIDConnectProviders.
    """
    found = tx.scan_prefix(Provider, key(tx, "provider"))
    return {"OpenIDConnectProviderList": [{"Arn": p.arn} for p in found if ":oidc-provider/" in p.arn]}


@operation("UpdateOpenIDConnectProviderThumbprint")
def update_open_id_connect_provider_thumbprint(tx: Tx, request: Request) -> Response:
    """Replace an OIDC provider's thumbprints.

    Source: IAM API Reference, UpdateOpenIDConnectProviderThumbprint.
    """
    provider = load_provider(tx, request["OpenIDConnectProviderArn"])
    put_provider(tx, replace(provider, thumbprints=request["ThumbprintList"]))
    return {}


@operation("AddClientIDToOpenIDConnectProvider")
def add_client_id(tx: Tx, request: Request) -> Response:
    """Add a client id; harmless if it is there.

    Source: IAM API Reference, AddClientIDToOpenIDConnectProvider.
    """
    provider = load_provider(tx, request["OpenIDConnectProviderArn"])
    if request["ClientID"] not in provider.client_ids:
        put_provider(tx, replace(provider, client_ids=[*provider.client_ids, request["ClientID"]]))
    return {}


@operation("RemoveClientIDFromOpenIDConnectProvider")
def remove_client_id(tx: Tx, request: Request) -> Response:
    """Remove a client id; harmless if it is not there.

    Source: IAM API Reference, RemoveClientIDFromOpenIDConnectProvider.
    """
    provider = load_provider(tx, request["OpenIDConnectProviderArn"])
    left = [client for client in provider.client_ids if client != request["ClientID"]]
    put_provider(tx, replace(provider, client_ids=left))
    return {}


@operation("DeleteOpenIDConnectProvider")
def delete_open_id_connect_provider(tx: Tx, request: Request) -> Response:
    """Delete an OIDC provider.

    Source: IAM API Reference, DeleteOpenIDConnectProvider.
    """
    tx.delete(key(tx, "provider", load_provider(tx, request["OpenIDConnectProviderArn"]).arn))
    return {}


def _refuse_encryption(request: Request, name: str) -> None:
    for member in ("AssertionEncryptionMode", "AddPrivateKey", "RemovePrivateKey"):
        if member in request:
            raise NotImplementedHere(f"Ballroom does not implement {member} of iam:{name}.")


@operation("CreateSAMLProvider")
def create_saml_provider(tx: Tx, request: Request) -> Response:
    """Store a SAML provider's metadata document.

    Source: IAM API Reference, CreateSAMLProvider.
    """
    _refuse_encryption(request, "CreateSAMLProvider")
    provider = Provider(
        arn_of(tx, "saml-provider", "/", request["Name"]), whole_seconds(tx.now_ms),
        metadata=request["SAMLMetadataDocument"], tags=tags_of(request),
    )
    _create(tx, provider)
    answer: Response = {"SAMLProviderArn": provider.arn}
    if provider.tags:
        answer["Tags"] = to_wire(provider.tags)
    return answer


@operation("GetSAMLProvider")
def get_saml_provider(tx: Tx, request: Request) -> Response:
    """A SAML provider's metadata document.

    Source: IAM API Reference, GetSAMLProvider.
    """
    provider = load_provider(tx, request["SAMLProviderArn"])
    answer: Response = {
        "SAMLMetadataDocument": provider.metadata, "CreateDate": provider.created_ms,
        "ValidUntil": provider.created_ms + 100 * _YEAR_MS,
    }
    if provider.tags:
        answer["Tags"] = to_wire(provider.tags)
    return answer


@operation("ListSAMLProviders")
def list_saml_providers(tx: Tx, request: Request) -> Response:
    """The SAML providers.

    Source: IAM API Reference, ListSAMLProviders.
    """
    found = [p for p in tx.scan_prefix(Provider, key(tx, "provider")) if ":saml-provider/" in p.arn]
    return {
        "SAMLProviderList": [
            {"Arn": p.arn, "ValidUntil": p.created_ms + 100 * _YEAR_MS, "CreateDate": p.created_ms}
            for p in found
        ]
    }


@operation("UpdateSAMLProvider")
def update_saml_provider(tx: Tx, request: Request) -> Response:
    """Replace a SAML provider's metadata document.

    Source: IAM API Reference, UpdateSAMLProvider.
    """
    _refuse_encryption(request, "UpdateSAMLProvider")
    provider = load_provider(tx, request["SAMLProviderArn"])
    metadata = request.get("SAMLMetadataDocument", provider.metadata)
    put_provider(tx, replace(provider, metadata=metadata))
    return {"SAMLProviderArn": provider.arn}


@operation("DeleteSAMLProvider")
def delete_saml_provider(tx: Tx, request: Request) -> Response:
    """Delete a SAML provider.

    Source: IAM API Reference, DeleteSAMLProvider.
    """
    tx.delete(key(tx, "provider", load_provider(tx, request["SAMLProviderArn"]).arn))
    return {}
