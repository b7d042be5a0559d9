"""Building: what a local path becomes, dependencies through uv, and what is refused.

Packages come from a folder of wheels made here, so that no index is asked.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ballroom.cli.build import BuildFailed, build, read_template
from ballroom.testing import BallroomServer

LOCAL = "ballroom-local"


def wheel(folder: Path, name: str, version: str) -> None:
    """A package of one module that knows its version and where it lies."""
    info = f"{name}-{version}.dist-info"
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        archive.writestr(f"{name}.py", f"VERSION = {version!r}\n")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")


class Project:
    """A template with one function, and a cache of its own."""

    def __init__(self, base: Path) -> None:
        self.base, self.cache, self.wheels = base, base / "cache", base / "wheels"
        self.said: list[str] = []
        self.properties: dict[str, Any] = {"Handler": "app.handler", "Runtime": "python3.12", "CodeUri": "src"}
        (base / "src").mkdir()
        (base / "src" / "app.py").write_text(
            "import waltz\ndef handler(event, context):\n    return waltz.VERSION\n"
        )
        wheel(self.wheels, "waltz", "1.0")
        wheel(self.wheels, "waltz", "2.0")
        wheel(self.wheels, "six", "0.1")

    def needs(self, *lines: str) -> None:
        text = "\n".join([f"--no-index --find-links {self.wheels}", *lines])
        (self.base / "src" / "requirements.txt").write_text(text)

    def template(self, **resources: Any) -> dict[str, Any]:
        function = {"Type": "AWS::Serverless::Function", "Properties": self.properties}
        return {"Transform": "AWS::Serverless-2016-10-31", "Resources": {"F": function, **resources}}

    def built(self, template: dict[str, Any] | None = None) -> dict[str, Any]:
        return build(template or self.template(), self.base, cache=self.cache, progress=self.said.append)

    def code(self) -> dict[str, str]:
        uri: dict[str, str] = self.built()["Resources"]["F"]["Properties"]["CodeUri"]
        return uri


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.fixture(scope="module")
def server() -> Iterator[BallroomServer]:
    with BallroomServer() as made:
        yield made


def deployed_answer(project: Project, server: BallroomServer, monkeypatch: pytest.MonkeyPatch) -> Any:
    """What the function says once the project is deployed."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(project.cache))
    path = project.base / "template.json"
    path.write_text(json.dumps(project.template() | {"Outputs": {"N": {"Value": {"Ref": "F"}}}}))
    name = server.deploy(path, stack=f"s{abs(hash(project.base))}")["N"]
    return json.load(server.client("lambda").invoke(FunctionName=name)["Payload"])


def test_a_local_folder_is_used_in_place(project: Project) -> None:
    assert project.code() == {"Bucket": LOCAL, "Key": str(project.base / "src")}
    assert project.said == []


def test_a_function_imports_what_its_requirements_name(
    project: Project, server: BallroomServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.needs("waltz==1.0")
    assert deployed_answer(project, server, monkeypatch) == "1.0"
    project.needs("waltz==2.0")
    assert deployed_answer(project, server, monkeypatch) == "2.0"


def test_a_requirement_wins_over_the_runtimes_own_copy(
    project: Project, server: BallroomServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.needs("six==0.1")
    (project.base / "src" / "app.py").write_text(
        "import six\ndef handler(event, context):\n    return six.VERSION\n"
    )
    assert deployed_answer(project, server, monkeypatch) == "0.1"


def test_requirements_are_installed_once_for_each_content(project: Project) -> None:
    project.needs("waltz==1.0")
    first = project.code()["Version"]
    assert (Path(first) / "python" / "waltz.py").exists()
    assert list((Path(first) / "python" / "__pycache__").glob("waltz.*.pyc")), "byte-compiled"
    assert project.said == ["F: installing 2 requirements"]  # the line with options counts
    assert project.code()["Version"] == first
    project.needs("# a comment", "", "waltz==1.0")
    assert project.code()["Version"] == first
    assert len(project.said) == 1
    project.needs("waltz==2.0")
    assert project.code()["Version"] != first
    assert len(project.said) == 2
    project.properties["Runtime"] = "python3.11"
    assert project.code()["Version"] not in (first, "")


def test_an_included_file_counts(project: Project) -> None:
    (project.base / "src" / "more.txt").write_text("waltz==1.0\n")
    project.needs("-r more.txt")
    first = project.code()["Version"]
    (project.base / "src" / "more.txt").write_text("waltz==2.0\n")
    assert project.code()["Version"] != first


def test_requirements_without_a_requirement_install_nothing(project: Project) -> None:
    (project.base / "src" / "requirements.txt").write_text("# none yet\n\n")
    assert "Version" not in project.code()


def test_a_requirement_that_cannot_be_installed_is_named(project: Project) -> None:
    project.needs("no-such-package==1")
    with pytest.raises(BuildFailed, match="no-such-package") as failed:
        project.code()
    assert str(failed.value).startswith("F: uv could not install ")
    assert not list((project.cache / "dependencies").iterdir())


def test_a_runtime_that_is_a_parameter_is_looked_up(project: Project) -> None:
    project.needs("waltz==1.0")
    project.properties["Runtime"] = {"Ref": "R"}
    template = project.template() | {"Parameters": {"R": {"Type": "String", "Default": "python3.12"}}}
    assert "Version" in project.built(template)["Resources"]["F"]["Properties"]["CodeUri"]


def test_globals_say_where_code_lies(project: Project) -> None:
    del project.properties["CodeUri"]
    template = project.template() | {"Globals": {"Function": {"CodeUri": "src", "Timeout": 9}}}
    built = project.built(template)
    assert built["Resources"]["F"]["Properties"]["CodeUri"]["Key"] == str(project.base / "src")
    assert built["Globals"] == {"Function": {"Timeout": 9}}


def test_a_plain_function_and_layers_are_built_too(project: Project) -> None:
    plain = {"Type": "AWS::Lambda::Function", "Properties": {"Code": "src", "Runtime": "python3.12"}}
    layer = {"Type": "AWS::Serverless::LayerVersion", "Properties": {"ContentUri": "src"}}
    plain_layer = {"Type": "AWS::Lambda::LayerVersion", "Properties": {"Content": "src"}}
    built = project.built(project.template(P=plain, L=layer, M=plain_layer))["Resources"]
    key = str(project.base / "src")
    assert built["P"]["Properties"]["Code"] == {"S3Bucket": LOCAL, "S3Key": key}
    copy = built["L"]["Properties"]["ContentUri"]["Key"]
    assert built["M"]["Properties"]["Content"] == {"S3Bucket": LOCAL, "S3Key": copy}
    assert (Path(copy) / "app.py").exists()
    (project.base / "src" / "app.py").write_text("changed")
    changed = project.built(project.template(L=layer))["Resources"]["L"]["Properties"]["ContentUri"]["Key"]
    assert changed != copy, "so that the stack's update makes a new version"


def test_a_layer_in_a_folder_is_deployed(project: Project, server: BallroomServer) -> None:
    (project.base / "layer" / "python").mkdir(parents=True)
    (project.base / "layer" / "python" / "waltz.py").write_text("VERSION = 'of the layer'\n")
    project.properties["Layers"] = [{"Ref": "L"}]
    layer = {"Type": "AWS::Serverless::LayerVersion", "Properties": {"ContentUri": "layer"}}
    path = project.base / "template.json"
    path.write_text(json.dumps(project.template(L=layer) | {"Outputs": {"N": {"Value": {"Ref": "F"}}}}))
    name = server.deploy(path, stack="layered")["N"]
    assert json.load(server.client("lambda").invoke(FunctionName=name)["Payload"]) == "of the layer"


def test_what_is_not_local_is_left_alone(project: Project) -> None:
    for uri in ("s3://bucket/key", {"Bucket": "b", "Key": "k"}, {"Fn::Sub": "s3://${B}/k"}):
        project.properties["CodeUri"] = uri
        assert project.code() == uri
    del project.properties["CodeUri"]
    project.properties["InlineCode"] = "def handler(event, context): ..."
    assert "CodeUri" not in project.built()["Resources"]["F"]["Properties"]


def test_a_zip_archive_is_unpacked_once(project: Project) -> None:
    with zipfile.ZipFile(project.base / "app.zip", "w") as archive:
        archive.writestr("app.py", "def handler(event, context): ...\n")
        archive.writestr("../outside.py", "")
    project.properties["CodeUri"] = "app.zip"
    folder = Path(project.code()["Key"])
    assert (folder / "app.py").exists()
    assert not list(project.cache.rglob("../outside.py"))
    assert project.code()["Key"] == str(folder)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"CodeUri": "gone"}, "F: gone does not exist (looked for "),
        ({"CodeUri": "src/app.py"}, "is neither a folder nor a zip archive."),
        ({"CodeUri": "broken.zip"}, "cannot be unpacked: File is not a zip file"),
        ({"CodeUri": "node", "Runtime": "nodejs20.x"}, "has no node_modules; run npm install there."),
    ],
)
def test_code_that_cannot_be_used_is_refused(project: Project, change: dict[str, str], text: str) -> None:
    (project.base / "broken.zip").write_text("nonsense")
    (project.base / "node").mkdir()
    (project.base / "node" / "package.json").write_text('{"dependencies": {"left-pad": "1"}}')
    project.properties |= change
    with pytest.raises(BuildFailed) as failed:
        project.built()
    assert text in str(failed.value)


def test_builds_of_other_tools_are_refused_with_a_way_out(project: Project) -> None:
    template = project.template()
    template["Resources"]["F"]["Metadata"] = {"BuildMethod": "esbuild"}
    with pytest.raises(BuildFailed, match="sam build"):
        project.built(template)


def test_nested_templates_at_local_paths_are_refused(project: Project) -> None:
    nested = {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": "other.yaml"}}
    with pytest.raises(BuildFailed, match=r"other\.yaml"):
        project.built(project.template(N=nested))


def test_a_template_may_use_anchors(tmp_path: Path) -> None:
    path = tmp_path / "template.yaml"
    path.write_text("Resources:\n  A: &a {Type: AWS::SQS::Queue}\n  B: *a\n")
    assert read_template(path)["Resources"]["B"] == {"Type": "AWS::SQS::Queue"}
