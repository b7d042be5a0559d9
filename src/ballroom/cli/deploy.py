"""Deploying a template through CloudFormation's public operations, as `sam deploy` does."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ballroom.cli.build import BuildFailed, build, find_template, read_template
from ballroom.cli.connection import Connection

CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
POLL_S = 0.01
POLL_AT_MOST_S = 1.0

Progress = Callable[[dict[str, Any]], None]


TEMPLATES_BUCKET = "ballroom-templates"
BODY_LIMIT = 51_200
_TO_BE_DELETED = (
    "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED", "REVIEW_IN_PROGRESS",
)  # fmt: skip


class DeployFailed(Exception):
    """The stack did not get where it was sent; the message is the first failure's reason."""


def stack_name_for(template: Path) -> str:
    """A stack name from the folder that holds the template."""
    name = re.sub(r"[^A-Za-z0-9-]+", "-", template.resolve().parent.name).strip("-")
    return name if name[:1].isalpha() else f"stack-{name}"[:128]


def deploy(
    connection: Connection,
    template: str | Path | dict[str, Any],
    stack: str | None = None,
    parameters: dict[str, str] | None = None,
    *,
    progress: Progress = lambda event: None,
    say: Callable[[str], None] = lambda line: None,
) -> dict[str, str]:
    """Build and deploy; waits until it is done, and returns the stack's outputs.

    `template` is a file, a directory that holds one, its text, or a dict. An unchanged stack is left
    alone.

    Raises:
        BuildFailed: the template or its code cannot be built.
        DeployFailed: CloudFormation refused it or rolled it back.
    """
    body, base = _read(template)
    if stack is None:
        stack = stack_name_for(find_template(Path(template))) if isinstance(template, str | Path) else "stack"
    built = build(body, base, progress=say)
    return Deployment(connection, stack, progress).run(built, parameters or {})


def _read(template: str | Path | dict[str, Any]) -> tuple[dict[str, Any], Path]:
    if isinstance(template, dict):
        return template, Path()
    if isinstance(template, str) and ("\n" in template or template.lstrip().startswith("{")):
        from ballroom.services.cloudformation.template.load import load

        return load(template, aliases=True), Path()
    path = find_template(Path(template))
    return read_template(path), path.parent


def _parameters(
    template: dict[str, Any], given: dict[str, str], existing: dict[str, Any] | None
) -> list[dict[str, Any]]:
    """What was given, and (as the other tools do) what the stack has already."""
    found: list[dict[str, Any]] = [{"ParameterKey": n, "ParameterValue": v} for n, v in given.items()]
    declared = template.get("Parameters")
    for parameter in (existing or {}).get("Parameters", []):
        name = parameter["ParameterKey"]
        if name not in given and isinstance(declared, dict) and name in declared:
            found.append({"ParameterKey": name, "UsePreviousValue": True})
    return found


class Deployment:
    """One change of one stack."""

    def __init__(self, connection: Connection, stack: str, progress: Progress) -> None:
        self._connection, self._stack, self._progress = connection, stack, progress
        self._client = connection.client("cloudformation")
        self._seen: set[str] = set()

    def run(self, template: dict[str, Any], parameters: dict[str, str]) -> dict[str, str]:
        """Create or update the stack; its outputs."""
        from botocore.exceptions import ClientError

        try:
            existing = self._settled()
            if existing is not None and existing["StackStatus"] in _TO_BE_DELETED:
                self.delete()  # as AWS demands before such a name can be used again
                existing = None
            request: dict[str, Any] = {
                "StackName": self._stack,
                **self._body(json.dumps(template, default=str)),
                "Capabilities": CAPABILITIES,
                "Parameters": _parameters(template, parameters, existing),
            }
            if existing is None:
                self._client.create_stack(**request)
            else:
                self._remember_events()
                self._client.update_stack(**request)
        except ClientError as error:
            message = error.response["Error"]["Message"]
            if "No updates are to be performed" in message:
                return self.outputs()
            raise DeployFailed(message) from error
        self._wait("CREATE_COMPLETE", "UPDATE_COMPLETE")
        return self.outputs()

    def _settled(self) -> dict[str, Any] | None:
        """The stack once nothing is under way: what an interrupted command began goes on by itself."""
        while True:
            existing = self._find()
            status = existing["StackStatus"] if existing else ""
            if not status.endswith("_IN_PROGRESS") or status == "REVIEW_IN_PROGRESS":
                return existing
            for event in self._new_events():
                self._progress(event)
            time.sleep(POLL_S)

    def _body(self, text: str) -> dict[str, str]:
        """The template in the request, or, if that is too long for it, in a bucket as with other tools."""
        if len(text.encode()) <= BODY_LIMIT:
            return {"TemplateBody": text}
        s3 = self._connection.client("s3")
        key = f"{self._stack}/{hashlib.sha256(text.encode()).hexdigest()}.template"
        if TEMPLATES_BUCKET not in [bucket["Name"] for bucket in s3.list_buckets().get("Buckets", [])]:
            region = self._connection.region
            where = {"CreateBucketConfiguration": {"LocationConstraint": region}}
            s3.create_bucket(Bucket=TEMPLATES_BUCKET, **({} if region == "us-east-1" else where))
        s3.put_object(Bucket=TEMPLATES_BUCKET, Key=key, Body=text.encode())
        return {"TemplateURL": f"{self._connection.endpoint}/{TEMPLATES_BUCKET}/{key}"}

    def delete(self) -> bool:
        """Delete the stack and wait; False if there is none."""
        existing = self._find()
        if existing is None:
            return False
        self._remember_events()
        self._client.delete_stack(StackName=self._stack)
        self._stack = existing["StackId"]  # a deleted stack is found by id only
        self._wait("DELETE_COMPLETE")
        self._stack = existing["StackName"]
        return True

    def outputs(self) -> dict[str, str]:
        """The stack's outputs."""
        stack = self._find()
        return {o["OutputKey"]: o["OutputValue"] for o in (stack or {}).get("Outputs", [])}

    def _find(self) -> dict[str, Any] | None:
        from botocore.exceptions import ClientError

        try:
            found: dict[str, Any] = self._client.describe_stacks(StackName=self._stack)["Stacks"][0]
        except ClientError as error:
            if "does not exist" in error.response["Error"]["Message"]:
                return None
            raise
        return found

    def _wait(self, *good: str) -> None:
        failure, pause = "", POLL_S
        while True:
            stack = self._find()
            for event in self._new_events():
                self._progress(event)
                if event["ResourceStatus"].endswith("_FAILED") and not failure:
                    reason = event.get("ResourceStatusReason", "no reason given")
                    if "cancelled" not in reason.lower():
                        failure = f"{event['LogicalResourceId']} ({event['ResourceType']}): {reason}"
            status = stack["StackStatus"] if stack else "DELETE_COMPLETE"
            if status in good:
                return
            if not status.endswith("_IN_PROGRESS"):
                reason = failure or (stack or {}).get("StackStatusReason", "")
                raise DeployFailed(f"{self._stack} ended in {status}. {reason}".strip())
            time.sleep(pause)
            pause = min(pause * 1.2, POLL_AT_MOST_S)

    def _remember_events(self) -> None:
        for _ in self._new_events():
            pass

    def _new_events(self) -> Iterator[dict[str, Any]]:
        fresh: list[dict[str, Any]] = []
        pages = self._client.get_paginator("describe_stack_events").paginate(StackName=self._stack)
        for page in pages:
            known = False
            for event in page["StackEvents"]:
                if event["EventId"] in self._seen:
                    known = True
                    break
                fresh.append(event)
            if known:
                break
        for event in reversed(fresh):
            self._seen.add(event["EventId"])
            yield event


__all__ = ["BuildFailed", "DeployFailed", "Deployment", "deploy", "stack_name_for"]
