"""Settings: each by flag, variable and file; flags win over variables, variables over the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import msgspec
import pytest

from ballroom.cli.commands.server import as_arguments, read_settings, serve_command
from ballroom.cli.field_variables import FIELD_VARIABLES
from ballroom.cli.settings import OPTIONS, Option, WrongSetting, default_data_dir, load
from ballroom.kernel.errors import AlreadyRefused
from ballroom.kernel.settings import Settings
from tests.cli.runner import Cli

VALUES: dict[str, tuple[str, Any]] = {
    # name: (as text, what it means)
    "host": ("::1", "::1"),
    "port": ("4567", 4567),
    "data_dir": ("/some/where", Path("/some/where")),
    "public_url": ("https://cloud.example", "https://cloud.example"),
    "region": ("eu-west-1", "eu-west-1"),
    "account": ("123456789012", "123456789012"),
    "auth": ("soft", "soft"),
    "tls_cert": ("/c.pem", Path("/c.pem")),
    "tls_key": ("/k.pem", Path("/k.pem")),
    "allowed_origins": ("https://a.example", ["https://a.example"]),
    "allowed_hosts": ("a.example", ["a.example"]),
    "clock": ("virtual", "virtual"),
    "seed": ("7", 7),
    "isolation": ("confined", "confined"),
    "local_code": ("false", False),
    "drain_s": ("2.5", 2.5),
    "log_level": ("debug", "debug"),
    "max_body_bytes": ("1000", 1000),
    "overlay_bytes": ("1001", 1001),
    "overlay_age_s": ("1.5", 1.5),
    "cache_entries": ("0", 0),
    "private_addresses": ("true", True),
    "quotas": ("events.buses=7", {"events.buses": 7}),
    "store_vfs": ("faulty", "faulty"),
}
BOTH = {"tls_cert": {"tls_key": "/k"}, "tls_key": {"tls_cert": "/c"}}  # one is refused without the other


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def by_name(name: str) -> Option:
    return next(option for option in OPTIONS if option.name == name)


def from_flags(*words: str) -> Settings:
    parsed = serve_command.make_context("serve", list(words)).params
    parsed.pop("until_eof")
    return read_settings(parsed)


def test_every_setting_can_be_told_and_nothing_else() -> None:
    fields = {field.name for field in msgspec.structs.fields(Settings)}
    assert {option.name for option in OPTIONS} == fields | {"memory"}
    assert set(VALUES) == fields


@pytest.mark.parametrize("name", VALUES)
def test_a_setting_is_told_by_flag(name: str) -> None:
    text, meant = VALUES[name]
    words = {"local_code": ["--no-local-code"], "private_addresses": ["--private-addresses"]}.get(
        name, [by_name(name).flag, text]
    )
    for other, value in BOTH.get(name, {}).items():
        words += [by_name(other).flag, value]
    assert getattr(from_flags(*words), name) == meant


@pytest.mark.parametrize("name", VALUES)
def test_a_setting_is_told_by_variable(name: str) -> None:
    text, meant = VALUES[name]
    environment = {by_name(name).variable: text}
    environment |= {by_name(other).variable: value for other, value in BOTH.get(name, {}).items()}
    assert getattr(load({}, environment=environment), name) == meant


@pytest.mark.parametrize("name", VALUES)
def test_a_setting_is_told_by_the_file(name: str, tmp_path: Path) -> None:
    _, meant = VALUES[name]
    value = str(meant) if isinstance(meant, Path) else meant
    lines = {name: value, **BOTH.get(name, {})}
    (tmp_path / "ballroom.toml").write_text("".join(f"{n} = {_toml(v)}\n" for n, v in lines.items()))
    assert getattr(load({}, environment={}), name) == meant


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f'"{key}" = {number}' for key, number in value.items()) + "}"
    return str(value).lower() if isinstance(value, bool | int | float) else repr(value)


@pytest.mark.parametrize("name", VALUES)
def test_a_flag_wins_over_a_variable_and_a_variable_over_the_file(name: str, tmp_path: Path) -> None:
    option, (text, meant) = by_name(name), VALUES[name]
    others = {by_name(n).variable: v for n, v in BOTH.get(name, {}).items()}
    file_value = str(meant) if isinstance(meant, Path) else meant
    (tmp_path / "ballroom.toml").write_text(f"{name} = {_toml(_other(file_value))}\n")
    in_file = load({}, environment=others)
    assert getattr(in_file, name) != meant
    in_variable = load({}, environment={option.variable: text, **others})
    assert getattr(in_variable, name) == meant
    in_flag = load({name: getattr(in_file, name)}, environment={option.variable: text, **others})
    assert getattr(in_flag, name) == getattr(in_file, name)


def _other(value: Any) -> Any:
    """Another valid value of the same setting."""
    choices = {"soft": "open", "virtual": "real", "confined": "auto", "debug": "error"}
    match value:
        case bool():
            return not value
        case int() | float():
            return value + 1
        case dict():
            return {name: number + 1 for name, number in value.items()}
        case list():
            return ["other.example"]
        case "123456789012":
            return "210987654321"
    return choices.get(value, f"{value}-other")


def test_memory_wins_over_a_data_directory_that_was_told_with_less_weight() -> None:
    elsewhere = {"BALLROOM_DATA_DIR": "/elsewhere"}
    assert load({"memory": True}, environment=elsewhere).data_dir is None
    assert load({"data_dir": Path("/here")}, environment={"BALLROOM_MEMORY": "1"}).data_dir == Path("/here")
    with pytest.raises(WrongSetting, match="exclude each other"):
        load({"memory": True, "data_dir": Path("/here")}, environment={})
    assert load({}, environment={"BALLROOM_MEMORY": "no", **elsewhere}).data_dir == Path("/elsewhere")


def test_without_anything_the_users_own_directory_is_used(tmp_path: Path) -> None:
    environment = {"XDG_DATA_HOME": str(tmp_path)}
    settings = load({}, environment=environment)
    assert settings.data_dir == default_data_dir(environment)
    assert msgspec.structs.replace(settings, data_dir=None) == Settings()


def test_paths_in_a_file_start_at_the_file(tmp_path: Path) -> None:
    folder = tmp_path / "etc"
    folder.mkdir()
    (folder / "b.toml").write_text('data_dir = "data"\n')
    assert load({}, config=Path("etc/b.toml"), environment={}).data_dir == folder / "data"
    assert load({}, environment={"BALLROOM_CONFIG": "etc/b.toml"}).data_dir == folder / "data"


def test_an_empty_variable_says_nothing() -> None:
    assert load({}, environment={"BALLROOM_PORT": "", "BALLROOM_MEMORY": ""}).port == 4566


@pytest.mark.parametrize(
    ("flags", "environment", "file", "text"),
    [
        ({}, {"BALLROOM_PORT": "many"}, "", "BALLROOM_PORT is 'many'; it must be a whole number."),
        ({}, {"BALLROOM_PORT": "70000"}, "", "BALLROOM_PORT is 70000; it may be 0 (a free one) to 65535."),
        ({"port": -1}, {}, "", "--port is -1; it may be 0"),
        ({"account": "12"}, {}, "", "--account is '12'; an account has 12 digits."),
        ({}, {"BALLROOM_AUTH": "maybe"}, "", "BALLROOM_AUTH is 'maybe'; it may be open, soft, enforce."),
        ({}, {"BALLROOM_LOCAL_CODE": "perhaps"}, "", "BALLROOM_LOCAL_CODE is 'perhaps'; it must be"),
        ({}, {"BALLROOM_DRAIN_S": "inf"}, "", "BALLROOM_DRAIN_S is inf; it must not be"),
        ({"public_url": "cloud"}, {}, "", "--public-url is 'cloud'; it must begin with http"),
        ({"tls_cert": Path("c")}, {}, "", "TLS needs both a certificate (--tls-cert) and a key (--tls-key)."),
        ({}, {}, "port = 'x'", "port in ballroom.toml is 'x'; it must be a whole number."),
        ({}, {}, "prot = 1", "ballroom.toml sets prot, which Ballroom does not know."),
        ({}, {}, "port = [", "the configuration file ballroom.toml cannot be read"),
        ({}, {"BALLROOM_CONFIG": "gone.toml"}, "", "the configuration file gone.toml does not exist."),
        ({}, {"EDGE_PORT": "x"}, "", "EDGE_PORT is 'x'; it must be a whole number."),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_place(
    flags: dict[str, Any], environment: dict[str, str], file: str, text: str, tmp_path: Path
) -> None:
    if file:
        (tmp_path / "ballroom.toml").write_text(file)
    with pytest.raises(AlreadyRefused) as refused:
        load(flags, environment=environment)
    assert str(refused.value).startswith(text)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ballroom.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(WrongSetting, match="cannot be read"):
        load({}, environment={})


@pytest.mark.parametrize(
    ("environment", "name", "meant"),
    [
        ({"EDGE_PORT": "4510"}, "port", 4510),
        ({"LOCALSTACK_EDGE_PORT": "4510"}, "port", 4510),
        ({"GATEWAY_LISTEN": "0.0.0.0:4599"}, "port", 4599),
        ({"GATEWAY_LISTEN": "0.0.0.0:4599,0.0.0.0:443"}, "host", "0.0.0.0"),
        ({"GATEWAY_LISTEN": ":4599"}, "host", "127.0.0.1"),
        ({"GATEWAY_LISTEN": "[::1]:4599"}, "host", "::1"),
        ({"GATEWAY_LISTEN": "::1", "EDGE_PORT": "1"}, "port", 1),
        ({"GATEWAY_LISTEN": "0.0.0.0"}, "port", 4566),
        ({"LOCALSTACK_HOST": "cloud.example:4599"}, "public_url", "http://cloud.example:4599"),
        ({"LOCALSTACK_HOST": "cloud.example", "EDGE_PORT": "1"}, "public_url", "http://cloud.example:1"),
        ({"HOSTNAME_EXTERNAL": "cloud.example"}, "public_url", "http://cloud.example:4566"),
        ({"EXTRA_CORS_ALLOWED_ORIGINS": "https://a, https://b"}, "allowed_origins", ["https://a", "https://b"]),
        ({"DEFAULT_REGION": "eu-west-1"}, "region", "eu-west-1"),
        ({"DEBUG": "1"}, "log_level", "debug"),
        ({"DEBUG": "0"}, "log_level", "info"),
        ({"DEBUG": "some-package:*"}, "log_level", "info"),
        ({"LS_LOG": "warn"}, "log_level", "warning"),
        ({"LS_LOG": "trace"}, "log_level", "debug"),
        ({"EDGE_PORT": "4510", "BALLROOM_PORT": "4511"}, "port", 4511),
        ({"PERSISTENCE": "0"}, "overlay_bytes", 64 << 20),
    ],
)
def test_variables_of_other_local_clouds_mean_what_they_meant(
    environment: dict[str, str], name: str, meant: Any
) -> None:
    assert getattr(load({}, environment=environment), name) == meant


def test_a_public_name_without_a_port_follows_the_port_and_tls() -> None:
    environment = {"LOCALSTACK_HOST": "cloud.example"}
    assert load({"port": 5000}, environment=environment).public_url == "http://cloud.example:5000"
    tls = {"tls_cert": Path("c"), "tls_key": Path("k")}
    assert load({"port": 443, **tls}, environment=environment).public_url == "https://cloud.example:443"


def test_flags_survive_the_way_to_a_server_in_the_background() -> None:
    words = ["--port", "1", "--data", "/d", "--allowed-hosts", "a", "--allowed-hosts", "b", "--no-local-code"]
    parsed = dict(serve_command.make_context("serve", [*words]).params)
    parsed.pop("until_eof")
    assert from_flags(*as_arguments(parsed)) == from_flags(*words)
    parsed = dict(serve_command.make_context("serve", ["--memory"]).params)
    parsed.pop("until_eof")
    assert as_arguments(parsed) == ["--memory"]


def test_every_setting_is_in_the_help_and_in_the_operations_page() -> None:
    text = serve_command.get_help(click.Context(serve_command))
    page = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
    for option in OPTIONS:
        if option.name == "store_vfs":
            continue
        assert option.flag in text
        flag = "--local-code`, `--no-local-code" if option.name == "local_code" else option.flag
        row = f"| `{flag}` | `{option.variable}` | `{option.name}` | {option.default or '—'} | {option.help} |"
        assert row in page, row
    for name, meaning in FIELD_VARIABLES.items():
        assert f"| `{name}` | {meaning} |" in page


def test_a_wrong_setting_is_wrong_usage(cli: Cli) -> None:
    assert (
        cli("serve", code=2, BALLROOM_PORT="x").err
        == "ballroom: BALLROOM_PORT is 'x'; it must be a whole number.\n"
    )
    assert "Invalid value for '--auth'" in cli("serve", "--auth", "maybe", code=2).err
    (cli.cwd / "ballroom.toml").write_text("port = 'y'")
    assert cli("status", code=2, BALLROOM_PORT="").err.startswith("ballroom: port in ballroom.toml is 'y'")


def test_the_other_commands_look_where_the_file_says_that_the_server_is(cli: Cli) -> None:
    (cli.cwd / "ballroom.toml").write_text(f"port = {cli.environment.pop('BALLROOM_PORT')}\nmemory = true\n")
    server = cli.serve("--data", cli.data)
    assert cli("status", "--json").json["pid"] == server.pid
