"""serve, start, stop, status: the life of a server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

from ballroom.cli.process import is_alive
from tests.cli.conftest import write_app
from tests.cli.runner import COMMAND, Cli, free_port, until

HELLO = Path(__file__).parents[2] / "examples" / "hello"


def test_serve_says_in_one_line_when_it_is_ready_and_stops_at_sigterm(cli: Cli) -> None:
    server = cli.serve()
    assert server.lines == [f"Ballroom is ready at {cli.endpoint} (data: {cli.data})\n"]
    assert cli("status", "--json").json["pid"] == server.pid
    assert server.signal(signal.SIGTERM) == 0
    cli("status", code=3)


def test_serve_stops_at_ctrl_c(cli: Cli) -> None:
    server = cli.serve("--memory", "--port", "0")
    assert server.signal(signal.SIGINT) == 0
    assert not cli.data.exists()


def test_a_port_of_zero_takes_a_free_one_and_tells_which(cli: Cli) -> None:
    server = cli.serve("--memory", "--port", "0")
    endpoint = server.lines[0].split()[4]
    assert cli("status", "--json", "--endpoint", endpoint).json["pid"] == server.pid


def test_a_second_signal_ends_a_drain_at_once(cli: Cli) -> None:
    server = cli.serve("--memory", "--drain-s", "600")
    poll = subprocess.Popen(  # a request under way: the drain waits for it
        [sys.executable, "-c", _LONG_POLL, cli.endpoint], stdout=subprocess.PIPE, text=True
    )
    assert poll.stdout is not None
    assert poll.stdout.readline() == "polling\n"
    until(lambda: cli("status", "--json").json["clock"]["nextDue"])
    server.process.send_signal(signal.SIGTERM)
    until(lambda: _refuses(cli.port))
    assert server.process.poll() is None, "it drains"
    assert server.signal(signal.SIGTERM) == 130
    poll.kill()
    poll.wait()
    poll.stdout.close()


_LONG_POLL = """
import sys, threading, boto3
sqs = boto3.client("sqs", endpoint_url=sys.argv[1], region_name="us-east-1",
                   aws_access_key_id="test", aws_secret_access_key="test")
url = sqs.create_queue(QueueName="q", Attributes={"ReceiveMessageWaitTimeSeconds": "20"})["QueueUrl"]
print("polling", flush=True)
while True:
    sqs.receive_message(QueueUrl=url)
"""


def _refuses(port: int) -> bool:
    import socket

    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def test_serve_until_eof_ends_with_whoever_holds_its_standard_input(cli: Cli) -> None:
    server = cli.serve("--memory", "--until-eof")
    assert server.process.stdin is not None
    server.process.stdin.close()
    assert server.wait() == 0


def test_start_returns_once_it_serves_and_stop_once_it_has_ended(cli: Cli) -> None:
    started = cli("start", "--json").json
    try:
        assert started["endpoint"] == cli.endpoint
        assert started["data"] == str(cli.data)
        assert cli("status", "--json").json["pid"] == started["pid"]
        again = cli("start", code=1)
        assert again.err == f"ballroom: a Ballroom already answers at {cli.endpoint}.\n"
    finally:
        stopped = cli("stop", "--json").json
    assert stopped == {"stopped": started["pid"]}
    assert not is_alive(started["pid"])
    assert "ready" in Path(started["log"]).read_text()
    assert cli("stop", code=3).err == f"ballroom: no Ballroom answers at {cli.endpoint}.\n"


def test_what_one_server_held_the_next_one_finds(cli: Cli) -> None:
    cli("start", "--json")
    cli.client("sqs").create_queue(QueueName="kept")
    cli("stop")
    cli("start", "--json")
    urls = cli.client("sqs").list_queues()["QueueUrls"]
    cli("stop")
    assert [url.rsplit("/", 1)[1] for url in urls] == ["kept"]


def _aws(*words: str) -> tuple[str, ...]:
    return (str(Path(sys.executable).parent / "aws"), "--output", "json", *words)


def test_a_taken_port_is_refused_in_one_line(cli: Cli) -> None:
    with urllib.request.socket.socket() as taken:  # type: ignore[attr-defined]
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused = cli("serve", "--memory", "--port", str(port), code=1)
        assert refused.err.strip() == (
            f"ballroom: 127.0.0.1, port {port} is taken by another program; choose another with --port."
        )
        assert cli("start", "--memory", "--port", str(port), code=1).err == refused.err


def test_a_data_directory_in_use_is_refused_in_one_line(cli: Cli) -> None:
    server = cli.serve()
    for command in ("serve", "start"):
        refused = cli(command, "--port", str(free_port()), code=1)
        assert refused.err == (
            f"ballroom: {cli.data} is in use by another Ballroom (process {server.pid}); "
            "stop that one or choose another data directory.\n"
        )


def test_a_directory_of_a_newer_release_is_refused_in_one_line(cli: Cli) -> None:
    cli.data.mkdir()
    (cli.data / "format").write_text("999\n")
    refused = cli("serve", code=1)
    assert refused.err.startswith(f"ballroom: {cli.data} was written by a newer release of Ballroom")
    assert refused.err.count("\n") == 1


def test_a_damaged_store_is_refused_in_one_line(cli: Cli) -> None:
    cli.data.mkdir()
    (cli.data / "format").write_text("1\n")
    (cli.data / "store.sqlite").write_bytes(b"no database " * 1000)
    refused = cli("serve", "--port", "0", code=1)
    assert refused.err.startswith("ballroom: the store cannot be opened: ")
    assert refused.err.count("\n") == 1


def test_a_directory_that_is_not_ours_is_refused(cli: Cli) -> None:
    cli.data.mkdir()
    (cli.data / "thesis.doc").write_text("years of work")
    assert "not a data directory" in cli("serve", code=1).err
    assert (cli.data / "thesis.doc").exists()


def test_an_unusable_certificate_is_refused_in_one_line(cli: Cli) -> None:
    (cli.cwd / "no.pem").write_text("nonsense")
    refused = cli("serve", "--memory", "--tls-cert", "no.pem", "--tls-key", "no.pem", code=1)
    assert refused.err.startswith("ballroom: the TLS certificate no.pem cannot be used")


def test_tls_is_served_and_every_command_speaks_it(cli: Cli) -> None:
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
            "1", "-keyout", "key.pem", "-out", "cert.pem", "-subj", "/CN=localhost", "-addext",
            "subjectAltName=DNS:localhost,IP:127.0.0.1",
        ],
        cwd=cli.cwd, check=True, capture_output=True,
    )  # fmt: skip
    (cli.cwd / "ballroom.toml").write_text('tls_cert = "cert.pem"\ntls_key = "key.pem"\n')
    app = write_app(cli.cwd / "app")
    (app / "src" / "app.py").write_text(
        "import boto3\ndef handler(event, context):\n    return boto3.client('sts').get_caller_identity()['Account']\n"
    )
    up = cli.begin("up", "app", AWS_CA_BUNDLE="")
    assert up.output("Url").startswith("https://")
    assert up.lines[0].startswith(f"Started a Ballroom at https://127.0.0.1:{cli.port} ")
    assert cli("status", "--json").json["endpoint"] == f"https://127.0.0.1:{cli.port}"
    assert cli("invoke", "speaker").out == '"000000000000"\n', "functions reach the server too"
    bundle = cli("env", "--json").json["AWS_CA_BUNDLE"]
    assert (cli.cwd / "cert.pem").read_text() in Path(bundle).read_text()
    assert up.signal(signal.SIGINT) == 0


def test_beyond_loopback_credentials_are_demanded_and_the_owner_has_them(cli: Cli) -> None:
    server = cli.serve("--host", "0.0.0.0", "--memory", BALLROOM_AUTH="")
    assert "every valid key is an administrator" in server.wait_for("Reachable beyond")
    refused = cli("status", code=1)
    assert "403" in refused.err
    server.signal()
    assert (
        "refused on an address beyond loopback"
        in cli("serve", "--host", "0.0.0.0", "--auth", "open", code=1).err
    )


def test_the_owners_key_opens_a_server_that_demands_signatures(cli: Cli) -> None:
    cli.serve("--auth", "enforce")
    assert cli("status", "--json").json["edition"] == "ballroom"
    variables = cli("env", "--json").json
    key_id, secret = (cli.data / "root-key").read_text().split()
    assert (variables["AWS_ACCESS_KEY_ID"], variables["AWS_SECRET_ACCESS_KEY"]) == (key_id, secret)
    assert (cli.data / "root-key").stat().st_mode & 0o777 == 0o600
    identity = json.loads(cli("exec", "--", *_aws("sts", "get-caller-identity")).out)
    assert identity["Arn"] == "arn:aws:iam::000000000000:root"
    wrong = cli(
        "status", "--json", code=1, AWS_ENDPOINT_URL=cli.endpoint, AWS_ACCESS_KEY_ID=key_id,
        AWS_SECRET_ACCESS_KEY="guessed",
    )  # fmt: skip
    assert "403" in wrong.err


def test_stop_never_ends_a_process_that_is_no_ballroom(cli: Cli) -> None:
    """A container's server tells its own process id, which means another process outside."""
    fake = cli.cwd / "fake.py"
    fake.write_text(_FAKE)
    sleeper = subprocess.Popen(["sleep", "60"])
    server = subprocess.Popen(
        [sys.executable, str(fake), str(cli.port), str(sleeper.pid)], stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    server.stdout.readline()
    refused = cli("stop", code=1)
    assert "is no process of this machine" in refused.err
    assert sleeper.poll() is None
    for process in (server, sleeper):
        process.kill()
        process.wait()
    server.stdout.close()


_FAKE = """
import http.server, json, sys
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"edition": "ballroom", "pid": int(sys.argv[2])}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *words):
        pass
server = http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Page)
print("up", flush=True)
server.serve_forever()
"""


def test_another_program_on_the_port_is_no_ballroom(cli: Cli) -> None:
    server = subprocess.Popen(
        [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(cli.port)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=cli.cwd,
    )  # fmt: skip
    until(lambda: not _refuses(cli.port))
    assert "no Ballroom answers" in cli("status", code=3).err
    try:
        assert "is taken by another program" in cli("up", HELLO, code=1).err
    finally:
        server.kill()
        server.wait()


def test_no_process_of_a_stopped_server_is_left(cli: Cli) -> None:
    server = cli.begin("serve", "--memory")
    server.wait_for("ready")
    assert server.signal() == 0
    assert not [p for p in Path("/proc").glob("[0-9]*/environ") if _belongs(p, str(cli.home))]


def _belongs(environ: Path, home: str) -> bool:
    try:
        return f"XDG_DATA_HOME={home}/".encode() in environ.read_bytes()
    except OSError:
        return False


def test_the_command_runs_as_a_module_too() -> None:
    assert COMMAND[1:] == ("-m", "ballroom.cli")
    assert os.access(Path(sys.executable).parent / "ballroom", os.X_OK)
