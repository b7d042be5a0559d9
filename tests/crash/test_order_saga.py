"""The car store's order saga survives a kill -9 in each of its steps."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError

from tests.crash.test_kill import wait_until
from tests.examples.urls import request
from tests.server import ServerProcess

STORE = Path(__file__).parents[2] / "examples" / "car-store"
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]


class Store:
    """The car store on a server that is killed now and then."""

    def __init__(self, server: ServerProcess) -> None:
        self.server = server
        code = json.dumps({"Bucket": "ballroom-local", "Key": str(STORE / "src")})
        template = (STORE / "template.yaml").read_text().replace("CodeUri: src", f"CodeUri: {code}")
        stacks = server.client("cloudformation")
        stacks.create_stack(StackName="store", TemplateBody=template, Capabilities=CAPABILITIES)
        found = wait_until(lambda: self._deployed(stacks), "the store is deployed")
        self.outputs = {one["OutputKey"]: one["OutputValue"] for one in found["Outputs"]}

    @staticmethod
    def _deployed(stacks: Any) -> Any:
        (found,) = stacks.describe_stacks(StackName="store")["Stacks"]
        assert found["StackStatus"] in ("CREATE_IN_PROGRESS", "CREATE_COMPLETE"), found
        return found if found["StackStatus"] == "CREATE_COMPLETE" else None

    def order(self, customer: str) -> str:
        wish = {"car": "waltz", "customer": customer, "saga": True}
        status, order = request(self.outputs["OrdersUrl"], "POST", body=wish)
        assert status == 202, order
        return f"{self.outputs['OrderSaga'].replace(':stateMachine:', ':execution:')}:{order['id']}"

    def kill_in(self, step: str, execution: str) -> None:
        """Kill the server as soon as a step has begun, and start it again."""
        states = self.server.client("stepfunctions")
        deadline = time.monotonic() + 60
        while step not in self.steps(states, execution):
            assert time.monotonic() < deadline
        self.server.kill()
        self.server.start()

    @staticmethod
    def steps(states: Any, execution: str) -> list[str]:
        events = states.get_execution_history(executionArn=execution)["events"]
        return [e["stateEnteredEventDetails"]["name"] for e in events if e["type"] == "TaskStateEntered"]

    def end(self, execution: str) -> dict[str, Any]:
        def ended() -> dict[str, Any] | None:
            try:
                found = self.server.client("stepfunctions").describe_execution(executionArn=execution)
            except BotoCoreError:
                return None
            return found if found["status"] != "RUNNING" else None

        described: dict[str, Any] = wait_until(ended, "the saga ends")
        return described


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with ServerProcess(tmp_path / "data") as server:
        yield Store(server)


def test_the_saga_survives_a_kill_in_each_step(store: Store) -> None:
    for step in ("Reserve", "Pay", "Book"):
        execution = store.order("Ada")
        store.kill_in(step, execution)
        assert store.end(execution)["status"] == "SUCCEEDED"
        assert document(store, execution)["state"] == "delivery booked"
    for step in ("Refund", "Release"):
        execution = store.order("Nobody")
        store.kill_in(step, execution)
        assert store.end(execution)["cause"] == "LookupError"
        assert (document(store, execution)["state"], document(store, execution)["paid"]) == ("cancelled", 0)
    states = store.server.client("stepfunctions")
    assert len(states.list_executions(stateMachineArn=store.outputs["OrderSaga"])["executions"]) == 5


def document(store: Store, execution: str) -> dict[str, Any]:
    status, found = request(store.outputs["OrdersUrl"], path=execution.rpartition(":")[2])
    assert status == 200
    answer: dict[str, Any] = found
    return answer
