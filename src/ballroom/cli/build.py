"""Building a template for a local deployment: code is used in place, dependencies come through uv.

A function's local `CodeUri` (or `Code`) becomes the location that the Lambda service understands as "use
this directory in place": bucket `ballroom-local`, key the directory, version the folder of installed
dependencies (laid out like a layer), if it has any. Dependencies are installed once for each content of
`requirements.txt`, interpreter and platform, byte-compiled, and shared by everything that needs them.
"""

from __future__ import annotations

import hashlib
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

from ballroom.cli.settings import default_cache
from ballroom.kernel.errors import ServiceError
from ballroom.runtime.runtimes import family, find_python
from ballroom.services.cloudformation.template.load import load

LOCAL_BUCKET = "ballroom-local"
TEMPLATE_NAMES = ("template.yaml", "template.yml", "template.json")
INSTALL_LIMIT_S = 900

Template = dict[str, Any]
Progress = Callable[[str], None]


class BuildFailed(Exception):
    """The template cannot be built; the message says which part and why."""


def find_template(given: Path) -> Path:
    """The template file that a file or directory means.

    Raises:
        BuildFailed: there is none.
    """
    if given.is_file():
        return given
    for name in TEMPLATE_NAMES:
        if (given / name).is_file():
            return given / name
    if not given.exists():
        raise BuildFailed(f"{given} does not exist.")
    raise BuildFailed(f"{given} holds none of {', '.join(TEMPLATE_NAMES)}.")


def read_template(path: Path) -> Template:
    """The template with its short forms written out.

    Raises:
        BuildFailed: it cannot be read or parsed.
    """
    try:
        return load(path.read_text("utf-8"), aliases=True)
    except ServiceError as error:
        raise BuildFailed(f"{path}: {error.text}") from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BuildFailed(f"{path} cannot be read: {error}") from error


def build(template: Template, base: Path, *, cache: Path | None = None, progress: Progress = print) -> Template:
    """The template with every local path replaced by its location for a local deployment.

    `base` is the directory that relative paths start from.

    Raises:
        BuildFailed: a path does not exist, or a dependency cannot be installed.
    """
    builder = _Builder(template, base.resolve(), cache or default_cache(), progress)
    return builder.built()


class _Builder:
    def __init__(self, template: Template, base: Path, cache: Path, progress: Progress) -> None:
        self._template, self._base, self._cache, self._progress = template, base, cache, progress
        found = template.get("Globals")
        function = found.get("Function") if isinstance(found, dict) else None
        self._globals: dict[str, Any] = function if isinstance(function, dict) else {}

    def built(self) -> Template:
        resources = self._template.get("Resources")
        if not isinstance(resources, dict):
            return self._template
        done = {name: self._resource(name, resource) for name, resource in resources.items()}
        template = {**self._template, "Resources": done}
        if "CodeUri" in self._globals:
            function = {k: v for k, v in self._globals.items() if k != "CodeUri"}
            template["Globals"] = {**self._template["Globals"], "Function": function}
        return template

    def _resource(self, name: str, resource: Any) -> Any:
        if not isinstance(resource, dict) or not isinstance(resource.get("Properties", {}), dict):
            return resource
        properties = dict(resource.get("Properties") or {})
        self._refuse_foreign_builds(name, resource)
        match resource.get("Type"):
            case "AWS::Serverless::Function":
                code = properties.get("CodeUri", self._globals.get("CodeUri"))
                if code is None and "InlineCode" not in properties and "ImageUri" not in properties:
                    code = "."
                if isinstance(code, str) and not code.startswith("s3://"):
                    where = self._code(name, code, self._runtime(properties))
                    properties["CodeUri"] = _named(where, "Bucket", "Key", "Version")
                elif code is not None:
                    properties["CodeUri"] = code
            case "AWS::Lambda::Function" if isinstance(properties.get("Code"), str):
                where = self._code(name, properties["Code"], self._runtime(properties))
                properties["Code"] = _named(where, "S3Bucket", "S3Key", "S3ObjectVersion")
            case "AWS::Serverless::LayerVersion" if _is_path(properties.get("ContentUri")):
                where = (self._snapshot(name, properties["ContentUri"]), None)
                properties["ContentUri"] = _named(where, "Bucket", "Key", "Version")
            case "AWS::Lambda::LayerVersion" if _is_path(properties.get("Content")):
                where = (self._snapshot(name, properties["Content"]), None)
                properties["Content"] = _named(where, "S3Bucket", "S3Key", "S3ObjectVersion")
            case "AWS::Serverless::StateMachine" if _is_path(properties.get("DefinitionUri")):
                properties["Definition"] = self._definition(name, properties.pop("DefinitionUri"))
            case "AWS::StepFunctions::StateMachine" if _is_path(properties.get("DefinitionS3Location")):
                properties["Definition"] = self._definition(name, properties.pop("DefinitionS3Location"))
            case "AWS::CloudFormation::Stack" | "AWS::Serverless::Application":
                for key in ("TemplateURL", "Location"):
                    if _is_path(properties.get(key)):
                        raise BuildFailed(
                            f"{name}: a nested template at a local path ({properties[key]}) is not built yet; "
                            "upload it and give its URL."
                        )
            case _:
                return resource
        return {**resource, "Properties": properties}

    def _refuse_foreign_builds(self, name: str, resource: dict[str, Any]) -> None:
        metadata = resource.get("Metadata")
        method = metadata.get("BuildMethod") if isinstance(metadata, dict) else None
        if isinstance(method, str) and not (family(method) == "python" and "Function" in str(resource["Type"])):
            raise BuildFailed(
                f"{name}: its BuildMethod {method} is not run here; build it with its own tool (sam build) and "
                "name the template that comes out (.aws-sam/build)."
            )

    def _runtime(self, properties: dict[str, Any]) -> str:
        runtime = properties.get("Runtime", self._globals.get("Runtime"))
        if isinstance(runtime, dict) and isinstance(runtime.get("Ref"), str):
            parameter = (self._template.get("Parameters") or {}).get(runtime["Ref"])
            runtime = parameter.get("Default") if isinstance(parameter, dict) else None
        return runtime if isinstance(runtime, str) else ""

    def _definition(self, name: str, given: str) -> Any:
        """A state machine's file, JSON or YAML, as it stands in a template."""
        try:
            return load(_text_of(name, self._base / given), aliases=True)
        except ServiceError as error:
            raise BuildFailed(f"{name}: {given}: {error.text}") from error
        except yaml.YAMLError as error:
            raise BuildFailed(f"{name}: {given}: {error}") from error

    def _path(self, name: str, given: str) -> Path:
        path = (self._base / given).resolve()
        if not path.exists():
            raise BuildFailed(f"{name}: {given} does not exist (looked for {path}).")
        if path.is_dir():
            return path
        if path.suffix not in (".zip", ".jar"):
            raise BuildFailed(f"{name}: {path} is neither a folder nor a zip archive.")
        return self._unpacked(name, path)

    def _unpacked(self, name: str, archive: Path) -> Path:
        """A package that somebody else has built, unpacked once for each content."""

        def unpack(draft: Path) -> None:
            with zipfile.ZipFile(archive) as package:
                package.extractall(draft)

        try:
            digest = hashlib.sha256(archive.read_bytes()).hexdigest()[:32]
            return self._kept("packages", digest, unpack)
        except (OSError, zipfile.BadZipFile) as error:
            raise BuildFailed(f"{name}: {archive} cannot be unpacked: {error}") from error

    def _snapshot(self, name: str, given: str) -> Path:
        """A copy under the hash of its content: a layer's version is made anew when its content changes."""
        path = self._path(name, given)
        digest = hashlib.sha256()
        for file in sorted(path.rglob("*")):
            if file.is_file():
                digest.update(f"{file.relative_to(path)}\0{file.stat().st_size}\0".encode())
                digest.update(file.read_bytes())
        return self._kept(
            "layers", digest.hexdigest()[:32], lambda draft: shutil.copytree(path, draft, dirs_exist_ok=True)
        )

    def _code(self, name: str, given: str, runtime: str) -> tuple[Path, Path | None]:
        path = self._path(name, given)
        requirements = path / "requirements.txt"
        if family(runtime) == "python" and requirements.is_file() and (self._base / given).is_dir():
            return path, self._dependencies(name, requirements, runtime)
        if (path / "package.json").is_file() and family(runtime) == "node":
            self._check_node_modules(name, path)
        return path, None

    def _check_node_modules(self, name: str, path: Path) -> None:
        declared = yaml.safe_load(_text_of(name, path / "package.json"))
        needs = declared.get("dependencies") if isinstance(declared, dict) else None
        if needs and not (path / "node_modules").is_dir():
            raise BuildFailed(
                f"{name}: {path} declares dependencies but has no node_modules; run npm install there."
            )

    def _dependencies(self, name: str, requirements: Path, runtime: str) -> Path | None:
        wanted = sorted(_requirements(name, requirements))
        if not wanted:
            return None
        interpreter = find_python(runtime)
        stamp = "\n".join([sys.platform, platform.machine(), "{}.{}".format(*interpreter.version), *wanted])

        def install(draft: Path) -> None:
            self._progress(f"{name}: installing {len(wanted)} requirement{'s' if len(wanted) > 1 else ''}")
            _install(name, requirements, interpreter.executable, draft / "python")

        return self._kept("dependencies", hashlib.sha256(stamp.encode()).hexdigest()[:32], install)

    def _kept(self, kind: str, digest: str, make: Callable[[Path], object]) -> Path:
        """A folder of the cache, made if it is not there yet; never half made, never changed again."""
        target = self._cache / kind / digest
        if target.is_dir():
            return target
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".building-", dir=target.parent))
        try:
            make(draft)
            draft.chmod(0o755)  # functions may run as another user
            try:
                draft.rename(target)
            except OSError:  # somebody else was faster
                if not target.is_dir():
                    raise
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        return target


def _requirements(name: str, path: Path, seen: frozenset[Path] = frozenset()) -> Iterator[str]:
    """The requirements in a file and in those that it includes; a local path with what changes with it."""
    for raw in _text_of(name, path).splitlines():
        line = raw.split(" #", 1)[0].strip()
        if not line or line.startswith("#"):
            continue
        included = re.fullmatch(r"(?:-r|-c|--requirement|--constraint)[ =]?\s*(\S+)", line)
        if included and (other := (path.parent / included[1]).resolve()) not in seen:
            yield from _requirements(name, other, seen | {path.resolve()})
        local = re.fullmatch(r"(?:-e|--editable)?[ =]?\s*(?:file:)?((?:\.{1,2}|/)\S*|\.)", line)
        yield f"{line} {_newest(path.parent / local[1])}" if local else line


def _newest(path: Path) -> int:
    """When something below the path was last changed; 0 if it is not there, which is uv's to say."""
    return max((found.stat().st_mtime_ns for found in [path, *path.rglob("*")] if found.exists()), default=0)


def _text_of(name: str, path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BuildFailed(f"{name}: {path} cannot be read: {error}") from error


def _install(name: str, requirements: Path, python: str, target: Path) -> None:
    command = [
        _uv(), "pip", "install", "--quiet", "--compile-bytecode", "--link-mode=copy",
        "--python", python, "--target", str(target), "-r", str(requirements),
    ]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_LIMIT_S, check=False)
    except subprocess.TimeoutExpired:
        raise BuildFailed(f"{name}: installing {requirements} took longer than {INSTALL_LIMIT_S} s.") from None
    if done.returncode != 0:
        raise BuildFailed(f"{name}: uv could not install {requirements}:\n{done.stderr.strip()}")


def _uv() -> str:
    from uv import find_uv_bin

    return find_uv_bin()


def _is_path(value: Any) -> bool:
    return isinstance(value, str) and "://" not in value


def _named(where: tuple[Path, Path | None], bucket: str, key: str, version: str) -> dict[str, str]:
    code, dependencies = where
    location = {bucket: LOCAL_BUCKET, key: str(code)}
    if dependencies is not None:
        location[version] = str(dependencies)
    return location
