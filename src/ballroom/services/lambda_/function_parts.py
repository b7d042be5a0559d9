"""The parts of a function that other records hold: its layers, dead-letter target, code's address."""

from __future__ import annotations

from ballroom.kernel import Tx
from ballroom.kernel.arn import find_arn
from ballroom.services.lambda_.configuration import LAYERS_LIMIT
from ballroom.services.lambda_.destinations import check_target
from ballroom.services.lambda_.errors import InvalidParameterValue
from ballroom.services.lambda_.packages import UNZIPPED_LIMIT
from ballroom.services.lambda_.resources import Code, LayerUse, LayerVersion


def layers_of(tx: Tx, arns: list[str]) -> list[LayerUse]:
    """The layer versions that a function names, in its order.

    Raises:
        InvalidParameterValue: more than five, two versions of one layer, or one that does not exist.

    Source: Lambda API Reference, CreateFunction, "Layers"; recorded answers.
    """
    if len(arns) > LAYERS_LIMIT:
        raise InvalidParameterValue(f"Cannot reference more than {LAYERS_LIMIT} layers.")
    seen: dict[str, str] = {}
    layers = []
    for arn in arns:
        layer_arn = arn.rpartition(":")[0]
        if layer_arn in seen:
            raise InvalidParameterValue(
                "Two different versions of the same layer are not allowed to be referenced in the same "
                f"function. {seen[layer_arn]} and {arn} are versions of the same layer."
            )
        seen[layer_arn] = arn
        layers.append(_layer_use(tx, arn))
    return layers


def _layer_use(tx: Tx, arn: str) -> LayerUse:
    parsed = find_arn(arn)
    found = None
    if parsed is not None and parsed.region == tx.region:
        _, name, number = parsed.resource.split(":")
        found = tx.get(
            LayerVersion, ("lambda", parsed.account, parsed.region, "layer-version", name, int(number))
        )
    if found is None:
        raise InvalidParameterValue(f"Layer version {arn} does not exist.")
    return LayerUse(arn, found.code.blob, found.code.size_bytes, found.code.unzipped_bytes)


def check_total_size(code: Code, layers: list[LayerUse]) -> None:
    """Code and layers together stay below AWS's 250 MB unpacked."""
    total = code.unzipped_bytes + sum(layer.unzipped_bytes for layer in layers)
    if total > UNZIPPED_LIMIT:
        raise InvalidParameterValue(
            "Function code combined with layers exceeds the maximum allowed size of "
            f"{UNZIPPED_LIMIT} bytes. The actual size is {total} bytes."
        )


def check_dead_letter(tx: Tx, arn: str) -> None:
    """The dead-letter target, if any, is one that can be sent to."""
    if arn:
        check_target(arn, what="dead letter target", kinds=("sqs", "sns"))


def location_of(tx: Tx, code: Code) -> str:
    """Where the package can be fetched; for code used in place, the folder."""
    if code.folder:
        return f"file://{code.folder}"
    return f"{tx.kernel.settings.base_url}/_ballroom/lambda/code/{code.blob}"
