"""The variables of an environment. Source: Lambda Developer Guide, "Defined runtime environment variables"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ballroom.runtime.runtimes import family, node_packages
from ballroom.runtime.spec import FunctionSpec


@dataclass(frozen=True, slots=True)
class Places:
    """Where an environment finds its folders: AWS's paths, or the real ones without a root of its own."""

    task: str
    layers: tuple[str, ...]
    runtime: str
    temporary: str


def environment_variables(
    spec: FunctionSpec,
    places: Places,
    log_stream: str,
    environment_id: str,
    credentials: Mapping[str, str],
    programs: str,
) -> dict[str, str]:
    """Defaults, then the function's own, then what AWS reserves."""
    opt = [layer for layer in reversed(places.layers)]
    libraries = ["/var/lang/lib", "/lib64", "/usr/lib64", places.runtime, f"{places.runtime}/lib"]
    libraries += [places.task, f"{places.task}/lib", *(f"{layer}/lib" for layer in opt)]
    variables = {
        "PATH": ":".join([programs, "/usr/local/bin", "/usr/bin", "/bin", *(f"{o}/bin" for o in opt)]),
        "LD_LIBRARY_PATH": ":".join(libraries),
        "LANG": "en_US.UTF-8",
        "LC_CTYPE": "C.UTF-8",
        "TZ": ":UTC",
        "HOME": places.temporary,
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        **_family_defaults(spec, places, opt),
        **spec.env,
    }
    if places.temporary != "/tmp":
        variables.setdefault("TMPDIR", places.temporary)
    variables |= {
        "AWS_DEFAULT_REGION": spec.region,
        "AWS_REGION": spec.region,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{spec.runtime}",
        "AWS_LAMBDA_FUNCTION_NAME": spec.function_name,
        "AWS_LAMBDA_FUNCTION_VERSION": spec.version,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(spec.memory_mb),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": spec.group,
        "AWS_LAMBDA_LOG_STREAM_NAME": log_stream,
        "LAMBDA_TASK_ROOT": places.task,
        "LAMBDA_RUNTIME_DIR": places.runtime,
        "PWD": places.task,
        "SHLVL": "0",
        "_HANDLER": spec.handler,
        "BALLROOM_ENVIRONMENT": environment_id,
    }
    if spec.log_format.upper() == "JSON":
        variables["AWS_LAMBDA_LOG_FORMAT"] = "JSON"
    if spec.application_log_level:
        variables["AWS_LAMBDA_LOG_LEVEL"] = spec.application_log_level
    variables.update(credentials)
    return variables


def _family_defaults(spec: FunctionSpec, places: Places, opt: list[str]) -> dict[str, str]:
    kind = family(spec.runtime)
    if kind == "python":
        return {"PYTHONPATH": places.runtime}
    if kind == "node":
        version = spec.runtime.removeprefix("nodejs").removesuffix(".x")
        folders = [f"{o}/nodejs/node{version}/node_modules" for o in opt]
        folders += [f"{o}/nodejs/node_modules" for o in opt]
        folders += [f"{places.runtime}/node_modules", places.task, *node_packages()]
        return {"NODE_PATH": ":".join(folders)}
    return {}


def python_path(spec: FunctionSpec, places: Places, version: tuple[int, int]) -> list[str]:
    """What is looked through before the runtime's own packages: the package, then the layers."""
    folders = [places.task]
    for layer in reversed(places.layers):
        folders.append(f"{layer}/python/lib/python{version[0]}.{version[1]}/site-packages")
        folders.append(f"{layer}/python")
    return folders


def real_places(spec: FunctionSpec, base: Path, temporary: Path) -> Places:
    """The machine's own paths."""
    return Places(str(spec.code_dir), tuple(str(layer) for layer in spec.layers), str(base), str(temporary))
