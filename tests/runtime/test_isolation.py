"""What environments cannot do to each other and to the machine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ballroom.runtime import RuntimeSettings, RuntimeUnavailable, isolation_report

from .conftest import MakeStage, Stage

ATTEMPT = """
import os
def handler(event, context):
    try:
        return repr(eval(event))
    except Exception as error:
        return type(error).__name__
"""


def level(stage: Stage) -> str:
    stage.answer(stage.function("def handler(event, context): pass"))
    return str(stage.runtime.statistics()["zygotes"][0]["isolation"])


@pytest.fixture
def isolated(stage: Stage) -> Stage:
    if level(stage) != "isolated":
        pytest.skip("this machine allows no namespaces")
    return stage


@pytest.fixture
def confined(make_stage: MakeStage) -> Stage:
    stage = make_stage(settings=RuntimeSettings(isolation="confined"))
    if level(stage) != "confined":
        pytest.skip("this kernel has no Landlock")
    return stage


def test_an_isolated_function_finds_the_paths_of_aws(isolated: Stage) -> None:
    spec = isolated.function(
        """
        import os, sys
        def handler(event, context):
            return [__file__, os.getcwd(), os.environ["LAMBDA_TASK_ROOT"], sys.path[:2], os.listdir("/tmp")]
        """
    )
    assert isolated.answer(spec) == [
        "/var/task/main.py",
        "/var/task",
        "/var/task",
        ["/var/task", "/var/runtime"],
        [],
    ]


def test_programs_find_the_interpreter_where_aws_has_it(isolated: Stage, tmp_path: Path) -> None:
    layer = tmp_path / "layer"
    layer.mkdir()
    program = layer / "tool"  # as the AWS CLI in CDK's layer begins
    program.write_text("#!/var/lang/bin/python\nprint(6 * 7)")
    program.chmod(0o755)
    spec = isolated.function(
        """
        import subprocess
        def handler(event, context):
            return subprocess.check_output(["/opt/tool"], text=True).strip()
        """,
        layers=(layer,),
    )
    assert isolated.answer(spec) == "42"


def test_layers_are_merged_at_opt(isolated: Stage, tmp_path: Path) -> None:
    for number in (1, 2):
        (tmp_path / f"l{number}").mkdir()
        (tmp_path / f"l{number}" / "both").write_text(str(number))
        (tmp_path / f"l{number}" / f"only{number}").write_text(str(number))
    spec = isolated.function(
        "import os\ndef handler(e, c): return [sorted(os.listdir('/opt')), open('/opt/both').read()]",
        layers=(tmp_path / "l1", tmp_path / "l2"),
    )
    assert isolated.answer(spec) == [["both", "only1", "only2"], "2"]


@pytest.mark.parametrize(
    "attempt",
    [
        "open('/var/task/new', 'w')",
        "open('/etc/new', 'w')",
        "open('/usr/new', 'w')",
        "os.mkdir('/new')",
        "os.listdir('/.host/etc') or 1/0",
        "open('/proc/sys/kernel/hostname', 'w').write('x')",
        "os.setuid(0) if os.getuid() else 1/0",
        "os.chroot('/tmp')",
    ],
)
def test_an_isolated_function_cannot_change_the_machine(isolated: Stage, attempt: str) -> None:
    assert isolated.answer(isolated.function(ATTEMPT), attempt) in (
        "PermissionError",
        "OSError",
        "FileNotFoundError",
        "ZeroDivisionError",
    )


def test_an_isolated_function_sees_no_other_process(isolated: Stage) -> None:
    answer = isolated.answer(
        isolated.function(ATTEMPT), "sorted(int(n) for n in os.listdir('/proc') if n.isdigit())"
    )
    assert answer == "[1, 2]"


def test_the_machines_files_are_not_there(isolated: Stage, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    spec = isolated.function(ATTEMPT)
    for path in (tmp_path / "secret", spec.code_dir / "main.py", isolated.folder / "work"):
        assert isolated.answer(spec, f"os.path.exists({str(path)!r})") == "False"


def test_code_in_a_private_folder_can_still_be_read(isolated: Stage) -> None:
    spec = isolated.function("def handler(event, context): return event")
    os.chmod(spec.code_dir, 0o700)
    os.chmod(spec.code_dir / "main.py", 0o600)
    assert isolated.answer(spec, 1) == 1


def test_a_confined_function_reads_the_system_and_writes_to_its_own_folder(
    confined: Stage, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("x")
    spec = confined.function(ATTEMPT)
    attempts = {
        f"open({str(tmp_path / 'secret')!r}).read()": "PermissionError",
        f"open({str(spec.code_dir / 'new')!r}, 'w')": "PermissionError",
        "open('/etc/new', 'w')": "PermissionError",
        "open(os.path.join(os.environ['TMPDIR'], 'x'), 'w').write('12')": "2",
        "len(open('/etc/passwd').read()) > 0": "True",
    }
    assert {attempt: confined.answer(spec, attempt) for attempt in attempts} == attempts


def test_a_client_can_be_made_at_every_level(make_stage: MakeStage) -> None:
    for wanted in ("process", "confined", "isolated"):
        stage = make_stage(settings=RuntimeSettings(isolation=wanted))
        spec = stage.function("import boto3\nc = boto3.client('kinesis')\ndef handler(e, c): return 1")
        assert stage.answer(spec) == 1


def test_a_function_that_demands_more_than_there_is_does_not_run(make_stage: MakeStage) -> None:
    stage = make_stage(settings=RuntimeSettings(isolation="process"))
    with pytest.raises(RuntimeUnavailable, match=r"demands isolation level 'isolated'.*gives 'process'"):
        stage.invoke(stage.function("def handler(e, c): pass", isolation="isolated"))


def test_a_level_that_does_not_exist_is_refused(stage: Stage) -> None:
    with pytest.raises(RuntimeUnavailable, match="no isolation level 'absolute': process, confined, isolated"):
        stage.invoke(stage.function("def handler(e, c): pass", isolation="absolute"))


def test_the_report_names_the_level_that_functions_get(stage: Stage) -> None:
    report = isolation_report()
    assert report.level == level(stage)
    assert report.summary.startswith(f"{report.level}: ")
    assert (report.reason == "") is (report.level == "isolated")
