"""What the command line says on stderr, to the letter, and how the process ends."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from astrolabe import __version__
from astrolabe.cli import main
from astrolabe.cli.flags import SERVE
from astrolabe.sim.kubeconfig import kubeconfig
from tests.support.kinds import KINDS
from tests.support.process import process_as_before

#: Runs a command line to its end: (exit code, stdout, stderr).
Ended = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for flag in SERVE:
        monkeypatch.delenv(str(flag.envvar), raising=False)


@pytest.fixture(autouse=True)
def _process_as_before() -> Iterator[None]:
    with process_as_before():
        yield


@pytest.fixture
def ended(capsys: pytest.CaptureFixture[str]) -> Ended:
    """Run a command line to its end: (exit code, stdout, stderr)."""

    def run(*args: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as end:
            main(args)
        out, err = capsys.readouterr()
        code = end.value.code
        assert isinstance(code, int)
        return code, out, err

    return run


ALL_KINDS = ", ".join(kind.name for kind in KINDS)


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (["--port=99999"], "invalid value '99999' for --port: not a whole number from 0 to 65535"),
        (["-port", "http"], "invalid value 'http' for --port: not a whole number from 0 to 65535"),
        (["--port"], "--port needs a value"),
        (["--v=5.0"], "invalid value '5.0' for --v: not a whole number"),
        (["--redis-db=-1"], "invalid value '-1' for --redis-db: not a whole number of at least 0"),
        (
            ["--snapshot-interval=5m"],
            "invalid value '5m' for --snapshot-interval: not a whole number",
        ),
        (["--redis-addr=redis"], "invalid value 'redis' for --redis-addr: not host:port"),
        (["--in-cluster=maybe"], "invalid value 'maybe' for --in-cluster: must be true or false"),
        (
            ["--in-cluster", "false"],
            "unexpected argument 'false': a boolean flag takes its value after =, as in --flag=false",
        ),
        (["--batch-window=5"], "invalid value '5' for --batch-window: not a duration such as 50ms or 1.5s"),
        (
            ["--label-selector=a=b=c"],
            "invalid value 'a=b=c' for --label-selector: found '=', expected: ',' or 'end of string'",
        ),
        (
            ["--selector-mode=loose"],
            "invalid value 'loose' for --selector-mode: not one of closure, strict",
        ),
        (["--log-format=xml"], "invalid value 'xml' for --log-format: not one of text, json"),
        (
            ["--namespaces=Shop"],
            "invalid value 'Shop' for --namespaces: 'Shop' is not a valid namespace name",
        ),
        (
            ["--kinds=Pod,Pood"],
            f"invalid value 'Pod,Pood' for --kinds: unknown kind 'Pood', the kinds are: {ALL_KINDS}",
        ),
        (["--prot=1"], "unknown flag --prot, did you mean --port?"),
        (["-lable-selector=a"], "unknown flag --lable-selector, did you mean --label-selector?"),
        (["--xyz"], "unknown flag --xyz, see `astrolabe serve --help`"),
        (["demo", "--zzz"], "unknown flag --zzz, see `astrolabe demo --help`"),
        (
            ["--port=1", "demo"],
            "unexpected 'demo': the command comes first, as in `astrolabe demo [flags]`",
        ),
        (["dmeo"], "unknown command 'dmeo', did you mean demo?"),
        (["help"], "unknown command 'help', see `astrolabe --help`"),
        (["demo", "--scale=0"], "invalid value '0' for --scale: not a number above 0"),
        (["demo", "--churn=-1"], "invalid value '-1' for --churn: not a number of at least 0"),
        (["demo", "--seed=x"], "invalid value 'x' for --seed: not a whole number of at least 0"),
        (["--workers=2"], "--workers needs --enable-persistence: the processes share the graph in Redis"),
        (
            ["--redis-url=redis://:open-sesame@"],
            "invalid value '…' for --redis-url: not redis://, rediss://, redis+sentinel://, redis+cluster:// or unix:// with a host or path",
        ),
        (
            ["watch", "ftp://x"],
            "invalid value 'ftp://x' for URL: not host:port, ws://host:port or http://host:port",
        ),
        (
            ["watch", "pods"],
            "invalid value 'pods' for URL: not host:port or a URL; pods is a kind: write --kind=Pod",
        ),
        (
            ["watch", "pdos"],
            "invalid value 'pdos' for URL: not host:port or a URL; for a server of this name, write http://pdos; for Pod, write --kind=Pod",
        ),
        (
            ["watch", "problems"],
            "invalid value 'problems' for URL: not host:port or a URL; "
            "problems is a command: write `astrolabe problems`",
        ),
        (
            ["watch", "kind:pod"],
            "invalid value 'kind:pod' for URL: not host:port or a URL; to search, write -q 'kind:pod'",
        ),
        (
            ["watch", "checkout"],
            "invalid value 'checkout' for URL: not host:port or a URL; "
            "for a server of this name, write http://checkout; to search for checkout, write -q checkout",
        ),
        (
            ["watch", "8080"],
            "invalid value '8080' for URL: not host:port or a URL; did you mean localhost:8080?",
        ),
        (
            ["watch", ":8080"],
            "invalid value ':8080' for URL: not host:port or a URL; did you mean localhost:8080?",
        ),
        (
            ["watch", "htp://web:1"],
            "invalid value 'htp://web:1' for URL: not host:port or a URL; did you mean http://web:1?",
        ),
        (
            ["watch", "https:/web"],
            "invalid value 'https:/web' for URL: not host:port or a URL; did you mean https://web?",
        ),
        (
            ["watch", "localhost:80808"],
            "invalid value 'localhost:80808' for URL: the port is a number from 1 to 65535, not '80808'",
        ),
        (
            ["compare", "pods", "x:1"],
            "invalid value 'pods' for FIRST: not host:port or a URL; pods is a kind, not a server",
        ),
        (
            ["problems", "-s", "deploy"],
            "invalid value 'deploy' for --server: not host:port or a URL; "
            "deploy is a kind: write --kind=Deployment",
        ),
        (
            ["why", "pod/x", "-s", "prod"],
            "invalid value 'prod' for --server: not host:port or a URL; "
            "for a server of this name, write http://prod",
        ),
        (
            ["problems", "http://web:8080"],
            "http://web:8080 is a server: write --server=http://web:8080",
        ),
        (
            ["problems", "ns:shop", "localhost:8080", "--watch"],
            "localhost:8080 is a server: write --server=localhost:8080 ns:shop",
        ),
        (["find", "https://web/x"], "https://web/x is a server: write --server=https://web/x"),
        (
            ["why", "http://web", "pod/x"],
            "http://web is a server: write --server=http://web pod/x",
        ),
        (["impact", "10.0.0.1:8080"], "10.0.0.1:8080 is a server: write --server=10.0.0.1:8080 KIND/NAME"),
        *[
            (
                ["watch", each],
                f"invalid value '{each}' for URL: not host:port, ws://host:port or http://host:port",
            )
            for each in (".", "a..b:1", "localhost,8080", "ws://web:", "http://", "[::1")
        ],
        (["watch", "--url", "http://x"], "unknown flag --url, see `astrolabe watch --help`"),
        (["watch", "-o", "yaml"], "invalid value 'yaml' for --output: not one of text, json"),
        (
            ["watch", "-l", "a>b"],
            "invalid value 'a>b' for --selector: "
            "for 'Gt', 'Lt' operators, the value must be an integer, not 'b'",
        ),
    ],
)
def test_a_wrong_value_is_one_line_and_exit_code_2(args: list[str], line: str, ended: Ended) -> None:
    assert ended(*args) == (2, "", f"astrolabe: {line}\n")


@pytest.mark.parametrize(
    ("variable", "text", "line"),
    [
        ("PORT", "tcp://10.0.0.1:8080", "not a whole number from 0 to 65535"),
        ("LABEL_SELECTOR", "=", "found '=', expected: !, identifier, or 'end of string'"),
        ("ASTROLABE_IN_CLUSTER", "yes", "must be true or false"),
        ("REDIS_ADDR", "redis://x:1", "not host:port"),
        ("REDIS_DB", "first", "not a whole number of at least 0"),
        ("ASTROLABE_BATCH_WINDOW", "fast", "not a duration such as 50ms or 1.5s"),
    ],
)
def test_a_wrong_environment_names_the_variable(
    variable: str, text: str, line: str, ended: Ended, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, text)
    expected = f"astrolabe: invalid value {text!r} for environment variable {variable}: {line}\n"
    assert ended() == (2, "", expected)


@pytest.mark.parametrize("argument", ["--version", "-version"])
def test_version(argument: str, ended: Ended) -> None:
    assert ended(argument) == (0, f"astrolabe {__version__}\n", "")


@pytest.mark.parametrize("argument", ["--help", "-help", "-h"])
def test_help_names_the_commands_and_every_flag_under_its_heading(argument: str, ended: Ended) -> None:
    code, out, err = ended(argument)
    assert (code, err) == (0, "")
    assert [line for line in out.splitlines() if line.endswith(":") and line[0] != " "] == [
        "Commands:",
        "The cluster:",
        "What is watched:",
        "Serving:",
        "Access:",
        "The stream:",
        "Persistence:",
        "Logging:",
    ]
    assert [flag.long for flag in SERVE if flag.long not in out] == []
    assert "..." not in out
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.parametrize("command", ["serve", "demo", "watch", "bench-stream"])
def test_every_command_has_help(command: str, ended: Ended) -> None:
    code, out, err = ended(command, "--help")
    assert (code, err) == (0, "")
    assert out.startswith(f"Usage: astrolabe {command} [flags]")


def test_no_kubeconfig_is_one_line_and_exit_code_1(ended: Ended, tmp_path: Path) -> None:
    path = tmp_path / "none"
    code, out, err = ended("--in-cluster=false", f"--kubeconfig={path}", "--port=0")
    assert (code, out) == (1, "")
    (line,) = [each for each in err.splitlines() if each.startswith("astrolabe: ")]
    assert line.startswith(f"astrolabe: There is no kubeconfig at {path}.")
    assert "`astrolabe demo`" in line
    assert "Traceback" not in err


def test_not_running_in_a_cluster_is_one_line_and_exit_code_1(
    ended: Ended, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    code, _, err = ended("--port=0")
    assert code == 1
    assert "astrolabe: Not running in a pod with a service account" in err
    assert "`astrolabe demo`" in err
    assert "Traceback" not in err


def test_an_unreachable_server_is_one_line_and_exit_code_1(ended: Ended, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening: connections are refused
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        path = tmp_path / "kubeconfig"
        path.write_text(kubeconfig(url, name="here", user={"token": "s3cr3t-must-never-leak"}))
        code, _, err = ended("--in-cluster=false", f"--kubeconfig={path}", "--port=0")
    assert code == 1
    assert f"astrolabe: The API server {url}" in err
    assert "Connection refused" in err or "Connect call failed" in err
    assert "`astrolabe demo`" in err
    assert "Traceback" not in err


def test_a_taken_port_is_one_line_and_exit_code_1(ended: Ended) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, _, err = ended("demo", "--host=127.0.0.1", f"--port={port}", "--scale=0.001")
    assert code == 1
    line = err.splitlines()[-1]
    assert line.startswith(f"astrolabe: cannot listen at 127.0.0.1:{port}: Address already in use")
    assert line.endswith("; choose another address with --host and --port")
    assert "Traceback" not in err


@pytest.mark.parametrize("module", ["astrolabe", "astrolabe.cli"])
def test_the_package_can_be_run_as_the_command(module: str) -> None:
    ran = subprocess.run([sys.executable, "-m", module, "--version"], capture_output=True, check=True)
    assert ran.stdout.decode() == f"astrolabe {__version__}\n"
    ran = subprocess.run([sys.executable, "-m", module, "--prot=1"], capture_output=True)
    assert (ran.returncode, ran.stderr) == (2, b"astrolabe: unknown flag --prot, did you mean --port?\n")


def test_an_interrupt_while_the_modules_are_imported_prints_nothing() -> None:
    code = """
import sys

class Interrupted:
    def find_spec(self, name, *_):
        if name == "astrolabe.cli.commands":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupted())
from astrolabe.cli import main
main()
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (130, "", "")


def test_error_messages_cannot_control_the_terminal(ended: Ended) -> None:
    assert ended("--\x1b[2J") == (2, "", "astrolabe: unknown flag --\\x1b[2J, see `astrolabe serve --help`\n")
