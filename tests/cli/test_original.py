"""Every flag and variable of the original's documentation, and klog's, in every spelling: as it means them."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from astrolabe.cli import klog
from astrolabe.cli.flags import SERVE, settings_from
from astrolabe.cli.go_flags import WARNINGS, GoCommand
from astrolabe.settings import DEFAULT_SELECTOR, Settings


@dataclass
class Row:
    """A command line and an environment: what differs from the defaults, and what is warned of."""

    args: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    warning: str = ""

    def __str__(self) -> str:
        return " ".join([*(f"{name}={value}" for name, value in self.environment.items()), self.args])


WHERE = "the log goes to standard error; keep it with 2>>FILE"
LEVEL = "set the level with --v"
FORM = "set the format with --log-format"

TABLE = [
    # What the original's README has.
    Row("--kubeconfig=/c", settings={"kubeconfig": "/c"}),
    Row("-kubeconfig /c", settings={"kubeconfig": "/c"}),
    Row("", {"KUBECONFIG": "/c"}, {"kubeconfig": "/c"}),
    Row("--kubeconfig=/c", {"KUBECONFIG": "/d"}, {"kubeconfig": "/c"}),
    Row("--in-cluster"),
    Row("--in-cluster=true"),
    Row("--in-cluster=false", settings={"in_cluster": False}),
    Row("-in-cluster=0", settings={"in_cluster": False}),
    Row("--port=9090", settings={"port": 9090}),
    Row("-port 9090", settings={"port": 9090}),
    Row("--label-selector=", settings={"label_selector": ""}),
    Row("--label-selector=a=b,c=d", settings={"label_selector": "a=b,c=d"}),
    Row("", {"LABEL_SELECTOR": "a=b"}, {"label_selector": "a=b"}),
    Row("", {"LABEL_SELECTOR": ""}, {"label_selector": ""}),
    Row(f"--label-selector={DEFAULT_SELECTOR}", {"LABEL_SELECTOR": ""}),
    Row("--enable-persistence", settings={"enable_persistence": True}),
    Row("--enable-persistence=true", settings={"enable_persistence": True}),
    Row("--enable-persistence=false", {"ENABLE_PERSISTENCE": "true"}),
    Row("", {"ENABLE_PERSISTENCE": "true"}, {"enable_persistence": True}),
    Row("", {"ENABLE_PERSISTENCE": "1"}, {"enable_persistence": True}),
    Row("", {"ENABLE_PERSISTENCE": "false"}),
    Row("", {"ENABLE_PERSISTENCE": ""}),
    Row(
        "",
        {"ENABLE_PERSISTENCE": "yes"},
        warning="environment variable ENABLE_PERSISTENCE='yes' must be true or false; using false",
    ),
    Row("--redis-addr=redis:6379", settings={"redis_addr": "redis:6379"}),
    Row("--redis-addr=:6379", settings={"redis_addr": "localhost:6379"}),
    Row("", {"REDIS_ADDR": ":6380"}, {"redis_addr": "localhost:6380"}),
    Row("", {"REDIS_ADDR": "redis.default.svc:6379"}, {"redis_addr": "redis.default.svc:6379"}),
    Row("", {"REDIS_ADDR": ""}),
    Row("--redis-addr="),
    Row("--redis-password=p", settings={"redis_password": "p"}),
    Row("", {"REDIS_PASSWORD": "p"}, {"redis_password": "p"}),
    Row("", {"REDIS_PASSWORD": ""}),
    Row("--redis-db=2", settings={"redis_db": 2}),
    Row("", {"REDIS_DB": "2"}, {"redis_db": 2}),
    Row("--snapshot-interval=60", settings={"snapshot_interval": 60}),
    Row("--snapshot-interval=0", settings={"snapshot_interval": 0}),
    Row("--snapshot-interval=-1", settings={"snapshot_interval": 0}),
    # The level of klog may be any number.
    Row("--v=2", settings={"verbosity": 2}),
    Row("-v=2", settings={"verbosity": 2}),
    Row("-v 2", settings={"verbosity": 2}),
    Row("--v=5", settings={"verbosity": 4}),
    Row("--v=10", settings={"verbosity": 4}),
    Row("-v 99", settings={"verbosity": 4}),
    Row("--v=-1"),
    # Its other flags.
    Row("--logtostderr", warning=f"--logtostderr has no effect: {WHERE}"),
    Row("-logtostderr=true", warning=f"--logtostderr has no effect: {WHERE}"),
    Row("--logtostderr=false", warning=f"--logtostderr has no effect: {WHERE}"),
    Row("--alsologtostderr", warning=f"--alsologtostderr has no effect: {WHERE}"),
    Row(
        "--legacy_stderr_threshold_behavior",
        warning=f"--legacy_stderr_threshold_behavior has no effect: {WHERE}",
    ),
    Row("--one_output", warning=f"--one_output has no effect: {WHERE}"),
    Row("--log_dir=/var/log", warning=f"--log_dir has no effect: {WHERE}"),
    Row("--log_file=/var/log/a.log", warning=f"--log_file has no effect: {WHERE}"),
    Row(
        "-log_file /var/log/a.log --v=1",
        settings={"verbosity": 1},
        warning=f"--log_file has no effect: {WHERE}",
    ),
    Row("--log-file=a.log", warning=f"--log_file has no effect: {WHERE}"),
    Row("--log_file_max_size=1800", warning=f"--log_file_max_size has no effect: {WHERE}"),
    Row("--skip_headers", warning=f"--skip_headers has no effect: {FORM}"),
    Row("--skip_log_headers=true", warning=f"--skip_log_headers has no effect: {FORM}"),
    Row("--add_dir_header", warning=f"--add_dir_header has no effect: {FORM}"),
    Row("--stderrthreshold=2", warning=f"--stderrthreshold has no effect: {LEVEL}"),
    Row("--stderrthreshold INFO", warning=f"--stderrthreshold has no effect: {LEVEL}"),
    Row("--vmodule=server=4", warning=f"--vmodule has no effect: {LEVEL}"),
    Row("--log_backtrace_at=a.go:1", warning=f"--log_backtrace_at has no effect: {LEVEL}"),
    Row(
        "--logtostderr --v=3 --alsologtostderr --vmodule a=1 --logtostderr=false",
        settings={"verbosity": 3},
        warning=f"--logtostderr, --alsologtostderr, --vmodule have no effect: {WHERE}; {LEVEL}",
    ),
    # What its manifest, its Makefile and its compose file start.
    Row(
        f"--in-cluster=true --port=8080 --label-selector={DEFAULT_SELECTOR} --v=2",
        settings={"verbosity": 2},
    ),
    Row(
        "--in-cluster=false --label-selector= --v=2",
        settings={"in_cluster": False, "label_selector": "", "verbosity": 2},
    ),
    Row(
        "--in-cluster=false --enable-persistence=true --redis-addr=localhost:6379 --v=2",
        settings={"in_cluster": False, "enable_persistence": True, "verbosity": 2},
    ),
    Row(
        "",
        {"REDIS_ADDR": "redis:6379", "REDIS_PASSWORD": "", "REDIS_DB": "0", "ENABLE_PERSISTENCE": "true"},
        {"redis_addr": "redis:6379", "enable_persistence": True},
    ),
]


@pytest.mark.parametrize("row", TABLE, ids=str)
def test_flags_mean_what_they_meant_in_the_original(row: Row, monkeypatch: pytest.MonkeyPatch) -> None:
    for flag in SERVE:
        monkeypatch.delenv(str(flag.envvar), raising=False)
    for name, value in row.environment.items():
        monkeypatch.setenv(name, value)
    command = GoCommand("serve", logs=True, params=[*SERVE], callback=lambda **given: settings_from(given))
    with command.make_context("serve", row.args.split()) as context:
        assert command.invoke(context) == Settings(**row.settings)
        assert context.meta.get(WARNINGS, []) == ([row.warning] if row.warning else [])


def test_every_flag_of_klog_is_in_the_table() -> None:
    tried = {klog.name_of(word.lstrip("-").partition("=")[0]) for row in TABLE for word in row.args.split()}
    assert tried - {""} == {*klog.SWITCHES, *klog.VALUED}


@pytest.mark.parametrize("log", ["text", "json"])
def test_the_warning_is_one_line_of_the_log(log: str, tmp_path: Path) -> None:
    arguments = [f"--log-format={log}", "--logtostderr", "--skip_headers", "--kubeconfig=none"]
    process = subprocess.run(
        [sys.executable, "-m", "astrolabe.cli", *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    warning, refusal = process.stderr.splitlines()
    said = f"--logtostderr, --skip_headers have no effect: {WHERE}; {FORM}"
    if log == "json":
        line = json.loads(warning)
        assert (line["level"], line["logger"], line["message"]) == ("warning", "astrolabe.cli", said)
    else:
        assert warning.partition(" ")[2] == f"WARNING astrolabe.cli  {said}"
    assert refusal.startswith("astrolabe: There is no kubeconfig at none.")
