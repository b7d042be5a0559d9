"""Custom resources whose function is inline code and reports with the module that AWS puts beside it."""

from __future__ import annotations

import json
import shutil

import pytest

from ballroom.testing import BallroomServer

PYTHON = (
    "import cfnresponse\ndef handler(e, c): cfnresponse.send(e, c, cfnresponse.SUCCESS, {'Word': 'hi'}, 'id')"
)
NODE = (
    "const r = require('cfn-response'); exports.handler = (e, c) => r.send(e, c, r.SUCCESS, {Word: 'hi'}, 'id')"
)


@pytest.mark.parametrize(("runtime", "code"), [("python3.12", PYTHON), ("nodejs20.x", NODE)])
def test_inline_code_reports_with_the_module_beside_it(server: BallroomServer, runtime: str, code: str) -> None:
    if runtime.startswith("node") and shutil.which("node") is None:
        pytest.skip("there is no Node.js on this machine")
    client = server.client("cloudformation")
    function = {
        "Role": "arn:aws:iam::000000000000:role/r", "Runtime": runtime, "Handler": "index.handler",
        "Code": {"ZipFile": code},
    }  # fmt: skip
    template = {
        "Resources": {
            "F": {"Type": "AWS::Lambda::Function", "Properties": function},
            "C": {"Type": "Custom::Word", "Properties": {"ServiceToken": {"Fn::GetAtt": ["F", "Arn"]}}},
        },
        "Outputs": {"Word": {"Value": {"Fn::GetAtt": ["C", "Word"]}}},
    }
    name = "inline-" + runtime.split(".")[0]
    client.create_stack(StackName=name, TemplateBody=json.dumps(template))
    client.get_waiter("stack_create_complete").wait(
        StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 20}
    )
    [stack] = client.describe_stacks(StackName=name)["Stacks"]
    assert stack["Outputs"][0]["OutputValue"] == "hi"
    client.delete_stack(StackName=name)
    client.get_waiter("stack_delete_complete").wait(
        StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 20}
    )


def test_no_two_events_of_a_stack_have_one_time(server: BallroomServer) -> None:
    client = server.client("cloudformation")
    queues = {f"Q{n}": {"Type": "AWS::SQS::Queue"} for n in range(5)}
    client.create_stack(StackName="in-order", TemplateBody=json.dumps({"Resources": queues}))
    client.get_waiter("stack_create_complete").wait(StackName="in-order", WaiterConfig={"Delay": 1})
    events = client.describe_stack_events(StackName="in-order")["StackEvents"]
    times = [event["Timestamp"] for event in events]
    assert times == sorted(set(times), reverse=True)  # as the CDK and SAM CLI sort what they print
    client.delete_stack(StackName="in-order")
