"""What the user is told when the configuration is no good, word for word."""

import asyncio
import os
import sys
from pathlib import Path

import pytest
from kubernetes_asyncio.config import incluster_config

from astrolabe.kube import credentials
from astrolabe.kube.credentials import load_access
from astrolabe.kube.errors import ClusterError
from astrolabe.settings import Settings
from tests.kube.support import plugin, settings_for, write_kubeconfig
from tests.support.serving import eventually

ADVICE = (
    "Outside a cluster, choose another kubeconfig with `--in-cluster=false --kubeconfig PATH`;"
    " without a cluster, try `astrolabe demo`."
)


async def refusal_of(path: Path) -> str:
    with pytest.raises(ClusterError) as caught:
        await load_access(settings_for(path))
    return str(caught.value)


async def authorization(access: object) -> str:
    """The header that a request would carry."""
    settings = await access.configuration.auth_settings()  # type: ignore[attr-defined]
    return str(settings["BearerToken"]["value"])


async def test_outside_a_pod(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(ClusterError) as caught:
        await load_access(Settings())
    assert str(caught.value) == (
        "Not running in a pod with a service account: Service host/port is not set (--in-cluster is the default). "
        + ADVICE
    )


async def test_in_a_pod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").write_text("t0ken")
    (tmp_path / "ca.crt").write_text("a certificate")
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(tmp_path / "token"))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(tmp_path / "ca.crt"))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    access = await load_access(Settings())
    assert (access.host, access.origin) == ("https://10.96.0.1:443", "service account of this pod")
    assert await authorization(access) == "Bearer t0ken"
    with pytest.raises(ClusterError, match="The certificates of service account of this pod cannot be used"):
        access.open_session()


async def test_no_kubeconfig(tmp_path: Path) -> None:
    assert await refusal_of(tmp_path / "none") == f"There is no kubeconfig at {tmp_path}/none. {ADVICE}"


async def test_a_tilde_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert await refusal_of(Path("~/config")) == f"There is no kubeconfig at {tmp_path}/config. {ADVICE}"
    write_kubeconfig(tmp_path / "config", "https://10.0.0.1:6443", token="t0ken")
    access = await load_access(settings_for(Path("~/config")))
    assert access.host == "https://10.0.0.1:6443"
    assert access.origin == f"kubeconfig {tmp_path}/config, context test"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("users: [{name: u, user: {token: hush}\n  - x", "it is not valid YAML, see line 2"),
        ("just words", "FILE is not a mapping of keys to values, as a kubeconfig is"),
        ("", "it is empty"),
        ("{}", "Invalid kube-config file. Expected key current-context in FILE"),
        (
            "{current-context: dev, contexts: [], clusters: [], users: []}",
            "its current context 'dev' does not exist, it has no contexts",
        ),
        (
            "{current-context: dev, contexts: [{name: prod, context: {user: u, cluster: c}}]}",
            "its current context 'dev' does not exist; choose one with --context, the contexts are: prod",
        ),
        (
            "{current-context: d, contexts: [{name: d, context: {user: u}}], users: [{name: u, token: x}]}",
            "Invalid kube-config file. Expected key user in FILE",
        ),
        (
            "{current-context: d, contexts: [{name: d, context: {user: u, cluster: c}}], users: [{name: u,"
            " user: {client-certificate: /nowhere/u.crt}}], clusters: [{name: c, cluster: {server: 'https://h'}}]}",
            "File does not exists: /nowhere/u.crt",
        ),
    ],
)
async def test_a_broken_kubeconfig(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "config"
    path.write_text(text)
    message = await refusal_of(path)
    assert message == f"The kubeconfig {path} cannot be used: {why.replace('FILE', str(path))}. {ADVICE}"


@pytest.mark.parametrize("server", ["{x: y}", "{server: '10.0.0.1:6443'}"])
async def test_a_kubeconfig_without_a_server(tmp_path: Path, server: str) -> None:
    path = tmp_path / "config"
    path.write_text(
        "{current-context: d, contexts: [{name: d, context: {cluster: c}}],"
        " clusters: [{name: c, cluster: " + server + "}]}"
    )
    why = f"The kubeconfig {path}, context d has no http(s) URL of a server. "
    assert await refusal_of(path) == why + ADVICE


async def test_tokens_are_never_quoted(tmp_path: Path) -> None:
    """kubernetes_asyncio names a broken entry by its whole content."""
    path = tmp_path / "config"
    path.write_text(
        "{current-context: d, contexts: [{name: d, context: {user: u, cluster: c}}],"
        " users: [{name: u, token: hush}], clusters: [{name: c, cluster: {server: 'https://h'}}]}"
    )
    with pytest.raises(ClusterError) as caught:
        await load_access(settings_for(path))
    assert "hush" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


async def test_a_token_file_may_end_in_a_newline(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t0ken\n")
    path = write_kubeconfig(tmp_path / "config", "https://h", tokenFile=str(tmp_path / "token"))
    assert await authorization(await load_access(settings_for(path))) == "Bearer t0ken"


async def test_the_repr_holds_no_secret(tmp_path: Path) -> None:
    path = write_kubeconfig(tmp_path / "config", "https://h", token="hush")
    assert "hush" not in repr(await load_access(settings_for(path)))


async def test_a_credential_plugin_runs_again_when_its_token_expires(tmp_path: Path) -> None:
    path = write_kubeconfig(
        tmp_path / "config", "https://h", exec=plugin(tmp_path, expires="2020-01-01T00:00:00Z")
    )
    access = await load_access(settings_for(path))
    assert await authorization(access) == "Bearer token-2"
    assert await authorization(access) == "Bearer token-3"


async def test_a_credential_plugin_does_not_run_while_its_token_is_valid(tmp_path: Path) -> None:
    path = write_kubeconfig(
        tmp_path / "config", "https://h", exec=plugin(tmp_path, expires="2100-01-01T00:00:00Z")
    )
    access = await load_access(settings_for(path))
    assert await authorization(access) == "Bearer token-1"
    assert await authorization(access) == "Bearer token-1"


async def test_a_slow_credential_plugin_is_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(credentials, "SLOW", 0.01)
    caplog.set_level("INFO")
    os.mkfifo(tmp_path / "answer")
    waiting = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "cat",
        "args": [str(tmp_path / "answer")],
    }
    path = write_kubeconfig(tmp_path / "config", "https://h", exec=waiting)
    loading = asyncio.create_task(load_access(settings_for(path)))
    await eventually(lambda: bool(caplog.messages))
    (tmp_path / "answer").write_text(
        '{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": "t"}}'
    )
    await loading
    assert caplog.messages == [f"waiting for the credential plugin of kubeconfig {path}, for up to 120 s"]


async def test_a_credential_plugin_that_fails(tmp_path: Path) -> None:
    failing = {
        "apiVersion": "v1",
        "command": sys.executable,
        "args": ["-c", "import sys; sys.exit('no login')"],
    }
    path = write_kubeconfig(tmp_path / "config", "https://h", exec=failing)
    message = await refusal_of(path)
    assert message == f"The kubeconfig {path} cannot be used: exec: process returned 1. no login. {ADVICE}"


async def test_a_missing_credential_plugin(tmp_path: Path) -> None:
    missing = {"apiVersion": "v1", "command": "a-plugin-that-nobody-has"}
    path = write_kubeconfig(tmp_path / "config", "https://h", exec=missing)
    why = "its credential plugin (exec) is not installed, or not in PATH"
    assert await refusal_of(path) == f"The kubeconfig {path} cannot be used: {why}. {ADVICE}"


async def test_another_certificate_is_another_identity(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text("one")
    path = tmp_path / "config"
    path.write_text(
        "{current-context: d, contexts: [{name: d, context: {user: u, cluster: c}}],"
        " users: [{name: u, user: {token: t}}],"
        " clusters: [{name: c, cluster: {server: 'https://h', certificate-authority: ca.crt}}]}"
    )
    first = await load_access(settings_for(path))
    assert (await load_access(settings_for(path))).identity == first.identity
    (tmp_path / "ca.crt").write_text("two")
    assert (await load_access(settings_for(path))).identity != first.identity


async def test_loading_does_not_hold_the_loop_while_it_imports(tmp_path: Path) -> None:
    """A fresh interpreter: the import takes most of a second, and happens in a thread."""
    path = write_kubeconfig(tmp_path / "config", "https://h", token="t")
    program = f"""
import asyncio, sys, time
from astrolabe.kube import credentials
from astrolabe.kube.credentials import load_access
from astrolabe.settings import Settings
assert "kubernetes_asyncio" not in sys.modules
async def main():
    task = asyncio.create_task(load_access(Settings(in_cluster=False, kubeconfig={str(path)!r})))
    ticks = 0
    while not task.done():
        await asyncio.sleep(0.005)
        ticks += 1
    await task
    print(ticks)
asyncio.run(main())
"""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE
    )
    told, _ = await process.communicate()
    assert process.returncode == 0
    assert int(told) > 5
