"""SAM CLI, AWS CDK and the Serverless Framework (osls), unmodified; `make tools` installs them apart from us.

Without them these tests are skipped, since they are large and need Node.js. CI has them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from ballroom.testing import BallroomServer
from tests.examples.urls import request

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / ".tools"
SAM, CDK, OSLS = (
    TOOLS / "sam" / "bin" / "sam",
    TOOLS / "node_modules" / ".bin" / "cdk",
    TOOLS / "node_modules" / ".bin" / "osls",
)
Run = Callable[..., str]

CDK_APP = """
const cdk = require('aws-cdk-lib');
const lambda = require('aws-cdk-lib/aws-lambda');
const sqs = require('aws-cdk-lib/aws-sqs');
const s3 = require('aws-cdk-lib/aws-s3');
const sources = require('aws-cdk-lib/aws-lambda-event-sources');
const stack = new cdk.Stack(new cdk.App(), 'CdkHello');
const queue = new sqs.Queue(stack, 'Jobs');
const hello = new lambda.Function(stack, 'Hello', {
  runtime: lambda.Runtime.PYTHON_3_12, handler: 'app.handler', code: lambda.Code.fromAsset('code'),
  environment: {QUEUE_URL: queue.queueUrl},
});
hello.addEventSource(new sources.SqsEventSource(queue));
queue.grantSendMessages(hello);
const url = hello.addFunctionUrl({authType: lambda.FunctionUrlAuthType.NONE});
const files = new s3.Bucket(stack, 'Files', {removalPolicy: cdk.RemovalPolicy.DESTROY, autoDeleteObjects: true});
new cdk.CfnOutput(stack, 'Url', {value: url.url});
new cdk.CfnOutput(stack, 'Bucket', {value: files.bucketName});
"""
OSLS_APP = """
service: osls-hello
frameworkVersion: "*"
provider: {name: aws, runtime: python3.12}
functions:
  hello: {handler: app.handler, url: true}
  worker: {handler: app.handler, events: [{sqs: {arn: !GetAtt Jobs.Arn}}]}
resources: {Resources: {Jobs: {Type: "AWS::SQS::Queue"}}}
"""
CODE = "def handler(event, context): return {'statusCode': 200, 'body': '1'}"  # the body is the version


@pytest.fixture
def run(server: BallroomServer, tmp_path: Path) -> Run:
    """Run a tool in the temporary folder, pointed here; what it printed."""
    foreign = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "BALLROOM_"))}
    environment = {
        **foreign, **server.environment, "AWS_CONFIG_FILE": os.devnull, "HOME": str(tmp_path), "CI": "true",
        "NODE_PATH": str(TOOLS / "node_modules"), "SAM_CLI_TELEMETRY": "0", "SLS_TELEMETRY_DISABLED": "1",
        "CDK_DISABLE_CLI_TELEMETRY": "1", "SLS_NOTIFICATIONS_MODE": "off",
    }  # fmt: skip

    def run(tool: Path, *words: str | Path) -> str:
        if not tool.exists():
            pytest.skip(f"{tool.name} is not installed; make tools does it")
        ran = subprocess.run(
            [tool, *words], cwd=tmp_path, env=environment, text=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120, check=False,
        )  # fmt: skip
        assert ran.returncode == 0, f"{tool.name} {words}: exit {ran.returncode}\n{ran.stdout}"
        return ran.stdout

    return run


def output_of(server: BallroomServer, stack: str, key: str) -> str:
    [found] = server.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    return str({o["OutputKey"]: o["OutputValue"] for o in found["Outputs"]}[key])


def stacks_of(server: BallroomServer) -> set[str]:
    return {s["StackName"] for s in server.client("cloudformation").describe_stacks()["Stacks"]}


def test_sam_builds_deploys_updates_and_deletes(run: Run, server: BallroomServer, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples" / "hello", tmp_path, dirs_exist_ok=True)
    deploy = (
        "deploy", "--stack-name", "sam-hello", "--resolve-s3", "--capabilities", "CAPABILITY_IAM",
        "--no-confirm-changeset",
    )  # fmt: skip
    run(SAM, "build")
    assert "Successfully created/updated stack - sam-hello" in run(SAM, *deploy)
    assert request(output_of(server, "sam-hello", "Url"))[1]["message"] == "Hello, dancer!"
    run(SAM, *deploy, "--parameter-overrides", "Greeting=Hi")
    assert request(output_of(server, "sam-hello", "Url"))[1]["message"] == "Hi, dancer!"
    assert "greeting dancer" in run(SAM, "logs", "--stack-name", "sam-hello")
    assert "Hi, dancer!" in run(SAM, "remote", "invoke", "Hello", "--stack-name", "sam-hello")
    run(SAM, "delete", "--stack-name", "sam-hello", "--no-prompts")
    assert "sam-hello" not in stacks_of(server)


@pytest.mark.skipif(ROOT.is_relative_to("/tmp"), reason="isolated functions have a /tmp of their own: no SDK there")
def test_cdk_bootstraps_deploys_updates_and_destroys(run: Run, server: BallroomServer, tmp_path: Path) -> None:
    (tmp_path / "cdk.json").write_text('{"app": "node app.js"}')
    (tmp_path / "app.js").write_text(CDK_APP)
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "app.py").write_text(CODE)
    assert "bootstrapped" in run(CDK, "bootstrap")
    run(CDK, "deploy", "--require-approval", "never")
    assert request(output_of(server, "CdkHello", "Url"))[1] == 1
    (tmp_path / "code" / "app.py").write_text(CODE.replace("'1'", "'2'"))
    run(CDK, "deploy", "--require-approval", "never")
    assert request(output_of(server, "CdkHello", "Url"))[1] == 2
    (tmp_path / "code" / "app.py").write_text(CODE.replace("'1'", "'3'"))
    run(CDK, "deploy", "--hotswap", "--require-approval", "never")
    assert request(output_of(server, "CdkHello", "Url"))[1] == 3
    bucket = output_of(server, "CdkHello", "Bucket")
    server.client("s3").put_object(Bucket=bucket, Key="left/behind")
    run(CDK, "destroy", "--force")  # a Node.js function of CDK's empties the bucket first
    assert "CdkHello" not in stacks_of(server)
    assert bucket not in [b["Name"] for b in server.client("s3").list_buckets()["Buckets"]]


def test_osls_deploys_invokes_and_removes(run: Run, server: BallroomServer, tmp_path: Path) -> None:
    (tmp_path / "serverless.yml").write_text(OSLS_APP)
    (tmp_path / "app.py").write_text(CODE)
    run(OSLS, "deploy")
    assert "osls-hello-dev-hello" in run(OSLS, "info")
    assert '"body": "1"' in run(OSLS, "invoke", "-f", "hello")
    run(OSLS, "remove")
    assert "osls-hello-dev" not in stacks_of(server)
