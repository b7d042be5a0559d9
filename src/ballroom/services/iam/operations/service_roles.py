"""Service-linked roles: made for a service, changed by nobody else."""

from __future__ import annotations

import re

import orjson

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.services.iam.errors import InvalidInput, NoSuchEntity
from ballroom.services.iam.operations.roles import remove_role
from ballroom.services.iam.presentation import show_role
from ballroom.services.iam.resources import Role, key, load_role, put_role, whole_seconds

_TASK = re.compile(r"task/aws-service-role/([^/]+)/([^/]+)/[0-9a-f\-]{36}")
_NAMES = {
    "autoscaling": "AutoScaling", "ecs": "ECS", "elasticloadbalancing": "ElasticLoadBalancing",
    "es": "AmazonElasticsearchService", "opensearchservice": "AmazonOpenSearchService", "rds": "RDS",
    "replicator.lambda": "LambdaReplicator", "ops.apigateway": "APIGateway", "states": "StepFunctions",
    "events": "CloudWatchEvents", "dynamodb.application-autoscaling": "ApplicationAutoScaling_DynamoDBTable",
    "lambda.application-autoscaling": "ApplicationAutoScaling_LambdaConcurrency",
    "spot": "EC2Spot", "organizations": "Organizations", "elasticache": "ElastiCache",
}


def _role_name(service: str, suffix: str) -> str:
    stem = service.removesuffix(".amazonaws.com")
    title = _NAMES.get(stem) or "".join(part.capitalize() for part in re.split(r"[.\-]", stem))
    return f"AWSServiceRoleFor{title}" + (f"_{suffix}" if suffix else "")


@operation("CreateServiceLinkedRole")
def create_service_linked_role(tx: Tx, request: Request) -> Response:
    """Create the role of a service; it carries no permissions here, as nothing evaluates them yet.

    Source: IAM API Reference, CreateServiceLinkedRole.
    """
    service = request["AWSServiceName"]
    if not service.endswith(".amazonaws.com"):
        raise NoSuchEntity(f"Service with name {service} does not exist")
    name = _role_name(service, request.get("CustomSuffix", ""))
    if tx.get(Role, key(tx, "role", name.lower())) is not None:
        raise InvalidInput(
            f"Service role name {name} has been taken in this account, please try a different suffix."
        )
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Action": ["sts:AssumeRole"], "Effect": "Allow", "Principal": {"Service": [service]}}
        ],
    }
    role = Role(
        name, f"/aws-service-role/{service}/", "AROA" + tx.ids.secret_upper(17),
        whole_seconds(tx.now_ms), orjson.dumps(trust).decode(), request.get("Description", ""),
    )
    put_role(tx, role)
    return {"Role": show_role(tx, role, settings=False)}


@operation("DeleteServiceLinkedRole")
def delete_service_linked_role(tx: Tx, request: Request) -> Response:
    """Delete a service's role; done when this answers, though AWS makes it a task.

    Source: IAM API Reference, DeleteServiceLinkedRole.
    """
    role = load_role(tx, request["RoleName"])
    if not role.path.startswith("/aws-service-role/"):
        raise InvalidInput(f"The role {role.name} is not a service-linked role.")
    remove_role(tx, role)
    return {"DeletionTaskId": f"task{role.path}{role.name}/{tx.ids.uuid()}"}


@operation("GetServiceLinkedRoleDeletionStatus")
def get_service_linked_role_deletion_status(tx: Tx, request: Request) -> Response:
    """Whether the role is gone.

    Source: IAM API Reference, GetServiceLinkedRoleDeletionStatus.
    """
    found = _TASK.fullmatch(request["DeletionTaskId"])
    if found is None:
        raise InvalidInput(f"Invalid deletion task id: {request['DeletionTaskId']}")
    return {"Status": "SUCCEEDED"}
