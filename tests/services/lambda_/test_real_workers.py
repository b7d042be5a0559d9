"""The service with real worker processes behind it: few, since each takes a while to start."""

from __future__ import annotations

from pathlib import Path

from tests.cloud import Cloud
from tests.services.lambda_.floor import ARN, ROLE, a_function, invoke, package


def test_a_function_runs_with_its_layer_its_variables_and_awss_context(real_cloud: Cloud) -> None:
    layer = real_cloud.call(
        "lambda", "PublishLayerVersion", LayerName="shared", Content={"ZipFile": package(
            "", **{"python/shared.py": "answer = 42\n"}
        )},
    )["LayerVersionArn"]  # fmt: skip
    source = (
        "import os, shared\n"
        "def handler(event, context):\n"
        "    return {'layer': shared.answer, 'stage': os.environ['STAGE'],\n"
        "            'arn': context.invoked_function_arn,\n"
        "            'region': os.environ['AWS_REGION'], 'memory': context.memory_limit_in_mb,\n"
        "            'group': context.log_group_name, 'key': os.environ['AWS_ACCESS_KEY_ID'][:4]}\n"
    )
    a_function(
        real_cloud, source, name="full", Layers=[layer], Environment={"Variables": {"STAGE": "test"}},
        MemorySize=256,
    )  # fmt: skip
    assert invoke(real_cloud, name="full")["Payload"] == {
        "layer": 42, "stage": "test", "arn": f"{ARN}:full", "region": "us-east-1", "memory": "256",
        "group": "/aws/lambda/full", "key": "ASIA",
    }  # fmt: skip


def test_the_role_is_the_identity_of_the_environment_and_its_key_dies_with_it(real_cloud: Cloud) -> None:
    source = "import os\ndef handler(e, c):\n    return os.environ['AWS_ACCESS_KEY_ID']\n"
    a_function(real_cloud, source, name="who")
    key = invoke(real_cloud, name="who")["Payload"]
    credential = real_cloud.kernel.credentials.find(key)
    assert credential is not None
    assert credential.arn == "arn:aws:sts::000000000000:assumed-role/worker/who"
    real_cloud.call("lambda", "DeleteFunction", FunctionName="who")
    real_cloud.clock.settle()
    assert real_cloud.kernel.credentials.find(key) is None


def test_an_exception_has_awss_form(real_cloud: Cloud) -> None:
    a_function(real_cloud, "def handler(e, c):\n    raise ValueError('no')\n", name="raises")
    answer = invoke(real_cloud, name="raises")
    assert answer["FunctionError"] == "Unhandled"
    assert answer["Payload"]["errorType"] == "ValueError"
    assert answer["Payload"]["errorMessage"] == "no"
    assert "requestId" in answer["Payload"]


def test_a_time_limit_ends_the_invocation(real_cloud: Cloud) -> None:
    source = "import time\ndef handler(e, c):\n    time.sleep(30)\n"
    a_function(real_cloud, source, name="slow", Timeout=1)
    answer = invoke(real_cloud, name="slow")
    assert answer["Payload"]["errorType"] == "Sandbox.Timedout"
    assert answer["Payload"]["errorMessage"].endswith("Error: Task timed out after 1.00 seconds")


def test_code_used_in_place_takes_effect_with_the_next_invocation(real_cloud: Cloud, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "index.py").write_text("def handler(e, c):\n    return 'old'\n")
    real_cloud.call(
        "lambda", "CreateFunction", FunctionName="live", Runtime="python3.12", Role=ROLE,
        Handler="index.handler", Code={"S3Bucket": "ballroom-local", "S3Key": str(tmp_path)}, Publish=True,
    )  # fmt: skip
    assert invoke(real_cloud, name="live")["Payload"] == "old"
    (tmp_path / "index.py").write_text("def handler(e, c):\n    return 'changed'\n")
    assert invoke(real_cloud, name="live")["Payload"] == "changed"
    assert invoke(real_cloud, name="live", Qualifier="1")["Payload"] == "old"


def test_what_a_function_says_is_in_cloudwatch_logs(real_cloud: Cloud) -> None:
    source = "def handler(e, c):\n    print('hello')\n    return c.log_stream_name\n"
    a_function(real_cloud, source, name="talks")
    stream = invoke(real_cloud, name="talks")["Payload"]
    real_cloud.clock.settle()
    events = real_cloud.call(
        "logs", "GetLogEvents", logGroupName="/aws/lambda/talks", logStreamName=stream, startFromHead=True
    )["events"]
    words = [event["message"].split(" ", 1)[0].strip() for event in events]
    assert words == ["INIT_START", "START", "hello", "END", "REPORT"]


def test_a_log_group_of_ones_own_is_used(real_cloud: Cloud) -> None:
    a_function(real_cloud, name="elsewhere", LoggingConfig={"LogGroup": "/my/group", "LogFormat": "JSON"})
    invoke(real_cloud, name="elsewhere")
    real_cloud.clock.settle()
    events = real_cloud.call("logs", "FilterLogEvents", logGroupName="/my/group")["events"]
    assert any('"platform.report"' in event["message"] for event in events)
