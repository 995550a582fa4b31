"""The token of a kubeconfig's user, with plugins that are real programs."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from astrolabe.client import Backoff, Client, ClientError, KubeconfigToken
from astrolabe.settings import Limits
from tests.support.serving import PATIENCE, serve
from tests.support.worlds import shop

V1 = "client.authentication.k8s.io/v1"

#: Notes what it was told, counts its runs, and prints the credential of its first argument with the count.
PLUGIN = """
import json, os, pathlib, sys
notes = pathlib.Path(sys.argv[0]).with_name("notes")
with notes.open("a") as file:
    file.write(os.environ["KUBERNETES_EXEC_INFO"] + "\\n")
    file.write(json.dumps({"set": os.environ.get("CLOUD"), "stdin": sys.stdin.read()}) + "\\n")
print(sys.argv[1].replace("COUNT", str(len(notes.read_text().splitlines()) // 2)))
"""


def credential(version: str = V1, **status: Any) -> str:
    return json.dumps({"apiVersion": version, "kind": "ExecCredential", "status": status})


def plugin(folder: Path, prints: str, **more: Any) -> dict[str, Any]:
    """The user entry of a plugin."""
    program = folder / "plugin.py"
    program.write_text(PLUGIN)
    mode = {"apiVersion": V1, "interactiveMode": "Never"}
    return {"exec": {**mode, "command": sys.executable, "args": [str(program), prints], **more}}


def runs(folder: Path) -> int:
    notes = folder / "notes"
    return len(notes.read_text().splitlines()) // 2 if notes.exists() else 0


def write(path: Path, user: dict[str, Any], **cluster: Any) -> str:
    content = {
        "current-context": "dev",
        "contexts": [
            {"name": "dev", "context": {"cluster": "c", "user": "jane"}},
            {"name": "other", "context": {"cluster": "c", "user": "joe"}},
            {"name": "empty", "context": {"cluster": "c"}},
        ],
        "clusters": [{"name": "c", "cluster": {"server": "https://10.0.0.1", **cluster}}],
        "users": [{"name": "jane", "user": user}, {"name": "joe", "user": {"token": "of-joe"}}],
    }
    path.write_text(json.dumps(content))
    return str(path)


def config(folder: Path, user: dict[str, Any], **cluster: Any) -> str:
    return write(folder / "config", user, **cluster)


async def test_the_token_is_that_of_the_contexts_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = config(tmp_path, {"token": "of-jane\n"})
    assert await KubeconfigToken(path)() == "of-jane"
    assert await KubeconfigToken(path, "other")() == "of-joe"
    first = tmp_path / "first"
    first.write_text('{"current-context": "other"}')
    monkeypatch.setenv("KUBECONFIG", f"{first}:{path}")
    assert await KubeconfigToken()() == "of-joe"
    monkeypatch.delenv("KUBECONFIG")
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".kube").mkdir()
    (tmp_path / "config").rename(tmp_path / ".kube" / "config")
    assert await KubeconfigToken()() == "of-jane"


async def test_names_may_be_numbers(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text(
        "{current-context: 7, contexts: [{name: 7, context: {cluster: 8, user: 9}}], clusters: [],"
        " users: [{name: '9', user: {token: of-nine}}]}"
    )
    assert await KubeconfigToken(str(path))() == "of-nine"


async def test_a_file_beside_the_kubeconfig_wins_over_a_token_and_is_read_again(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("first\n")
    token = KubeconfigToken(config(tmp_path, {"tokenFile": "token", "token": "older"}))
    assert await token() == "first"
    (tmp_path / "token").write_text("second\n")
    assert await token() == "second"
    (tmp_path / "token").unlink()
    with pytest.raises(
        ClientError, match=r"user jane of .*config has a file that cannot be read: No such"
    ) as e:
        await token()
    assert e.value.code == "no-token"


async def test_a_new_token_is_read_but_a_new_current_context_is_ignored(
    tmp_path: Path,
) -> None:
    path = tmp_path / "config"
    token = KubeconfigToken(config(tmp_path, {"token": "before"}))
    path.write_text(path.read_text().replace("before", "after").replace('t": "dev"', 't": "other"', 1))
    assert await token() == "after"
    path.write_text("{")
    assert await token() == "after"


async def test_a_plugin_runs_once_until_its_token_expires(tmp_path: Path) -> None:
    user = plugin(tmp_path, credential(token="t-COUNT", expirationTimestamp="2100-01-01T00:00:00Z"))
    token = KubeconfigToken(config(tmp_path, user))
    assert runs(tmp_path) == 0
    assert await asyncio.gather(token(), token(), token()) == ["t-1"] * 3
    assert await token() == "t-1"
    soon = datetime.fromtimestamp(time.time() + 5, UTC).isoformat()
    config(tmp_path, plugin(tmp_path, credential(token="t-COUNT", expirationTimestamp=soon)))
    assert [await token(), await token()] == ["t-2", "t-3"]  # too near to be sent a second time


async def test_a_plugin_runs_again_if_its_token_is_refused(tmp_path: Path) -> None:
    token = KubeconfigToken(config(tmp_path, plugin(tmp_path, credential(token="t-COUNT"))))
    assert await token() == "t-1"
    token.refused("another")
    assert await token() == "t-1"
    token.refused("t-1")
    assert await token() == "t-2"


async def test_the_plugins_environment(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_bytes(b"PEM")
    cluster = {
        "certificate-authority": "ca.crt",
        "tls-server-name": "api",
        "extensions": [
            {"name": "client.authentication.k8s.io/exec", "extension": {"audience": "7"}},
            {"name": "mine", "extension": {}},
        ],
    }
    more = {"env": [{"name": "CLOUD", "value": "nine"}], "provideClusterInfo": True}
    await KubeconfigToken(config(tmp_path, plugin(tmp_path, credential(token="t"), **more), **cluster))()
    told, noted = map(json.loads, (tmp_path / "notes").read_text().splitlines())
    assert noted == {"set": "nine", "stdin": ""}
    assert told == {
        "apiVersion": V1,
        "kind": "ExecCredential",
        "spec": {
            "interactive": False,
            "cluster": {
                "server": "https://10.0.0.1",
                "tls-server-name": "api",
                "certificate-authority-data": "UEVN",
                "config": {"audience": "7"},
            },
        },
    }


async def test_a_plugin_beside_the_kubeconfig(tmp_path: Path) -> None:
    program = tmp_path / "login"
    program.write_text(f"#!/bin/sh\necho '{credential(token='near')}'\n")
    program.chmod(0o700)
    user = {"exec": {"apiVersion": V1, "command": "./login", "args": None, "env": None}}
    assert await KubeconfigToken(config(tmp_path, user))() == "near"


@pytest.mark.parametrize(
    ("user", "why"),
    [
        (plugin, "failed with exit code 3"),
        (
            {"command": "no-such-plugin", "installHint": "Get it\nhere."},
            "is not installed, or not in PATH: Get it here.",
        ),
        ({"command": "/"}, "cannot be run: Permission denied"),
        ({"interactiveMode": "Always"}, "asks questions (interactiveMode: Always), and there is no terminal"),
        ("not JSON of-jane", "does not print an ExecCredential"),
        (
            credential("client.authentication.k8s.io/v1beta1", token="t"),
            "answers with the apiVersion client.authentication.k8s.io/v1beta1, not client.authentication.k8s.io/v1",
        ),
        (credential(), "gives no token"),
        (
            credential(token="t", expirationTimestamp="soon"),
            "gives an expirationTimestamp that is no time of RFC 3339",
        ),
        (
            credential(clientCertificateData="PEM", clientKeyData="PEM"),
            "gives a client certificate, which only the API server can check; use a token: `kubectl create token NAME --namespace NAMESPACE > token`, and --token-file=token",
        ),
    ],
)
async def test_a_plugin_without_a_token(tmp_path: Path, user: Any, why: str) -> None:
    if user is plugin:
        entry = plugin(tmp_path, "", args=["-c", "raise SystemExit(3)"])
    elif isinstance(user, dict):
        entry = plugin(tmp_path, "", **user)
    else:
        entry = plugin(tmp_path, user)
    path = config(tmp_path, entry)
    name = Path(entry["exec"]["command"]).name
    with pytest.raises(ClientError) as caught:
        await KubeconfigToken(path)()
    assert (
        str(caught.value) == f"the credential plugin {name} of the user jane of the kubeconfig {path} {why}"
    )
    assert caught.value.code == "no-token"


async def test_a_hanging_plugin_is_ended_with_the_request(tmp_path: Path) -> None:
    told = tmp_path / "fifo"
    os.mkfifo(told)
    hangs = (
        f"import os, pathlib, time; pathlib.Path({str(told)!r}).write_text(str(os.getpid())); time.sleep(600)"
    )
    path = config(tmp_path, plugin(tmp_path, "", args=["-c", hangs]))
    asking = asyncio.create_task(KubeconfigToken(path)())
    pid = int(await asyncio.wait_for(asyncio.to_thread(told.read_text), PATIENCE))
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


ADVICE = "; use a token: `kubectl create token NAME --namespace NAMESPACE > token`, and --token-file=token"


@pytest.mark.parametrize(
    ("user", "why"),
    [
        (
            {"client-certificate-data": "UEVN", "client-key-data": "UEVN"},
            f"signs in with a client certificate, which only the API server can check{ADVICE}",
        ),
        (
            {"client-certificate": "a", "client-key": "b"},
            f"signs in with a client certificate, which only the API server can check{ADVICE}",
        ),
        (
            {"username": "u", "password": "p"},
            f"signs in with a password, which API servers no longer accept{ADVICE}",
        ),
        (
            {"auth-provider": {"name": "gcp"}},
            f"signs in by the provider gcp, which kubectl no longer has{ADVICE}",
        ),
        ({}, f"has no token{ADVICE}"),
    ],
)
def test_a_user_without_a_token(tmp_path: Path, user: dict[str, Any], why: str) -> None:
    path = config(tmp_path, user)
    with pytest.raises(ValueError, match=r"^the user jane") as caught:
        KubeconfigToken(path)
    assert str(caught.value) == f"the user jane of the kubeconfig {path} {why}"


def test_a_kubeconfig_that_cannot_be_used(tmp_path: Path) -> None:
    path = config(tmp_path, {"token": "secret"})
    for context, text in (
        (
            "prod",
            f"the kubeconfig {path} cannot be used: it has no context 'prod'; the contexts are: dev, empty, other",
        ),
        ("empty", f"the context empty of the kubeconfig {path} has no token{ADVICE}"),
    ):
        with pytest.raises(ValueError, match="context") as caught:
            KubeconfigToken(path, context)
        assert str(caught.value) == text
    for content, text in (
        ("a: [", "it is not valid YAML, see line 1"),
        ("secret", f"{path} is not a mapping of keys to values, as a kubeconfig is"),
        ('{"users": ["secret"]}', "it does not have the structure of a kubeconfig (TypeError)"),
    ):
        Path(path).write_text(content)
        with pytest.raises(ValueError, match="cannot be used") as caught:
            KubeconfigToken(path)
        assert str(caught.value) == f"the kubeconfig {path} cannot be used: {text}"
    with pytest.raises(ValueError, match=f"^there is no kubeconfig at {tmp_path}/none$"):
        KubeconfigToken(f"{tmp_path}/none")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (
            {"apiVersion": "client.authentication.k8s.io/v1alpha1"},
            "kubectl knows client.authentication.k8s.io/v1 and",
        ),
        ({"args": "one"}, "is broken: Expected `array | null`, got `str` - at `$.args`"),
        ({"interactiveMode": "Sometimes"}, "is broken: Invalid enum value 'Sometimes'"),
    ],
)
def test_a_plugin_that_is_described_wrongly(tmp_path: Path, change: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=r"^the ") as caught:
        KubeconfigToken(config(tmp_path, plugin(tmp_path, "", **change)))
    assert why in str(caught.value)


async def test_an_oidc_login_that_kubectl_keeps(tmp_path: Path) -> None:
    user = {"auth-provider": {"name": "oidc", "config": {"id-token": "of-jane"}}}
    assert await KubeconfigToken(config(tmp_path, user))() == "of-jane"


async def test_a_stream_whose_token_expires_continues_with_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("astrolabe.http.access.tokens.LOOK_EVERY", 0.0)
    tokens = tmp_path / "tokens"
    tokens.write_text("t-1\n")
    token = KubeconfigToken(config(tmp_path, plugin(tmp_path, credential(token="t-COUNT"))))
    async with (
        serve(shop(), Limits(heartbeat=0.2), auth="token", auth_token_file=str(tokens)) as site,
        asyncio.timeout(PATIENCE),
        Client(f"127.0.0.1:{site.port}", token=token, backoff=Backoff(base=0.01)) as client,
    ):
        await client.ready()
        await asyncio.to_thread(tokens.write_text, "t-2\n")
        async for update in client.updates():
            if update.event == "connected":
                break
        assert len((await client.find()).resources) == 9
    assert runs(tmp_path) == 2
