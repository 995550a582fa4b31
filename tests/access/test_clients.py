"""The commands and the client as users of the cluster, with the token of a kubeconfig."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from astrolabe.client import Client, NamedUser
from astrolabe.http import entrance
from astrolabe.sim.kubeconfig import kubeconfig
from tests.access.test_access import two_shops
from tests.cli.test_access import run
from tests.support.process import kill
from tests.support.serving import PATIENCE
from tests.support.tenants import Tenancy, binding, grant, role, rule, tenancy, withdraw

pytestmark = pytest.mark.asyncio

HIDDEN = "you see Pod, EndpointSlice, Service, Event only in these namespaces: shop; not visible to you: "


def login(folder: Path, user: str) -> str:
    """A kubeconfig whose user signs in with a plugin."""
    version = "client.authentication.k8s.io/v1"
    told = {"apiVersion": version, "kind": "ExecCredential", "status": {"token": user}}
    program = f"print({json.dumps(told)!r})"
    entry = {"apiVersion": version, "command": sys.executable, "args": ["-c", program]}
    path = folder / "config"
    path.write_text(kubeconfig("https://10.0.0.1", user={"exec": {**entry, "interactiveMode": "Never"}}))
    return str(path)


def url(site: Tenancy) -> str:
    return f"127.0.0.1:{site.application.port}"


async def test_commands_show_what_the_kubeconfigs_user_may_see(tmp_path: Path) -> None:
    async with tenancy(two_shops(), "jane", "admin") as site:
        to = ("-s", url(site), "--kubeconfig", login(tmp_path, "jane"))
        code, out, err = await run("find", *to, "-o=name", "kind:pod")
        assert (code, out) == (0, "Pod/shop/shop-pod\n")
        assert err.startswith(HIDDEN)
        assert "bank" not in err
        code, out, err = await run("problems", *to, "kind:service")
        assert (code, out) == (0, "")
        assert err.startswith(f"nothing is broken in what you may see\n{HIDDEN}")
        code, out, err = await run("find", *to, "--", "bank-pod")
        assert (code, out) == (1, "")
        assert err.startswith(f"nothing is found in what you may see\n{HIDDEN}")
        code, out, err = await run("find", "-s", url(site), "kind:pod", ASTROLABE_TOKEN="admin")
        assert (code, err) == (0, "")
        code, out, err = await run("find", "-s", url(site), "kind:pod", KUBECONFIG=login(tmp_path, "jane"))
        assert (code, out) == (2, "")  # it is sent only if asked for
        assert "or that of your kubeconfig with --context=NAME" in err
        code, out, err = await run(
            *("find", "-s", url(site), "-o=name", "--context=simulated", "kind:pod"),
            KUBECONFIG=login(tmp_path, "jane"),
        )
        assert (code, out) == (0, "Pod/shop/shop-pod\n")


async def test_followed_problems_are_limited_to_visible_objects(tmp_path: Path) -> None:
    store = two_shops()
    more = binding("jane-bank", "reader", "User/jane", namespace="bank")
    async with tenancy(store, "jane") as site:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "astrolabe.cli", "problems", "--watch", "-o=json", "kind:pod"),
            *("-s", url(site), "--kubeconfig", login(tmp_path, "jane")),
            stdout=PIPE,
            stderr=PIPE,
        )
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            async with asyncio.timeout(3 * PATIENCE):
                assert await process.stdout.readline() == b"[]\n"
                assert (await process.stderr.readline()).decode().startswith(HIDDEN)
                grant(store, more)
                told = (await process.stderr.readline()).decode()
                while "bank" not in told:  # an only user's view changes in place, or the stream comes back
                    told = (await process.stderr.readline()).decode()
                assert "only in these namespaces: bank, shop; " in told
        finally:
            await kill(process)


@pytest.mark.parametrize("moves", [True, False], ids=["the stream moves", "it comes back"])
async def test_a_watch_continues_when_rights_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moves: bool
) -> None:
    if not moves:
        monkeypatch.setattr(entrance, "MOVE_SECONDS", 0)
    store = two_shops()
    more = (
        role("nodes", rule("nodes")),
        binding("jane-nodes", "nodes", "User/jane"),
    )
    grant(store, binding("joe", "reader", "User/joe", namespace="shop"))
    async with (
        tenancy(store, "jane", "joe") as site,
        Client(url(site), token="joe") as joe,  # shares the view of jane until her rights change
    ):
        await joe.ready()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "astrolabe.cli", "watch", url(site)),
            *("--kubeconfig", login(tmp_path, "jane")),
            stdout=PIPE,
            stderr=PIPE,
        )
        assert process.stderr is not None
        try:
            async with asyncio.timeout(3 * PATIENCE):
                lines = [(await process.stderr.readline()).decode() for _ in range(3)]
                assert lines[0] == "live\n"
                assert lines[1].startswith(HIDDEN)
                assert lines[2] == "watching 2 nodes and 1 edges\n"
                grant(store, *more)
                if not moves:
                    assert (await process.stderr.readline()).decode() == (
                        "what you may see has changed; reconnecting\n"
                    )
                    assert await process.stderr.readline() == b"reconnected\n"
                changed = (await process.stderr.readline()).decode()
                assert changed.startswith(HIDDEN)
                assert changed != lines[1]
                withdraw(store, *more)
        finally:
            await kill(process)


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (
            ("--context=none",),
            "the kubeconfig CONFIG cannot be used: it has no context 'none'; the contexts are: simulated",
        ),
        (
            ("--context=simulated", "--token-file=CONFIG"),
            "--token-file and --context cannot be combined",
        ),
        (("--kubeconfig=/none",), "there is no kubeconfig at /none"),
    ],
)
async def test_a_kubeconfig_that_gives_no_token_is_one_line(
    tmp_path: Path, args: tuple[str, ...], line: str
) -> None:
    config = tmp_path / "config"
    config.write_text(json.dumps(json.loads(kubeconfig("https://10.0.0.1"))).replace(" ", ""))
    args = tuple(arg.replace("CONFIG", str(config)) for arg in args)
    told = await run("watch", *args, "127.0.0.1:1", KUBECONFIG=str(config))
    assert told == (2, "", f"astrolabe: {line.replace('CONFIG', str(config))}\n")


async def test_a_client_certificate_cannot_be_passed_on(tmp_path: Path) -> None:
    config = tmp_path / "config"
    user = {"client-certificate-data": "UEVN", "client-key-data": "UEVN"}
    config.write_text(kubeconfig("https://10.0.0.1", user=user))
    assert await run("problems", "-s", "127.0.0.1:1", "--kubeconfig", str(config)) == (
        2,
        "",
        f"astrolabe: the user simulated of the kubeconfig {config} signs in with a client certificate, which "
        "only the API server can check; use a token: `kubectl create token NAME --namespace NAMESPACE > token`,"
        " and --token-file=token\n",
    )


@pytest.mark.parametrize("moves", [True, False], ids=["the stream moves", "it comes back"])
async def test_a_client_continues_when_rights_change(monkeypatch: pytest.MonkeyPatch, moves: bool) -> None:
    if not moves:
        monkeypatch.setattr(entrance, "MOVE_SECONDS", 0)
    store = two_shops()
    grant(store, binding("joe", "reader", "User/joe", namespace="shop"))
    async with (
        tenancy(store, "jane", "joe") as site,
        Client(url(site), token="jane") as jane,
        Client(url(site), token="joe") as joe,
        asyncio.timeout(2 * PATIENCE),
    ):
        await joe.ready()
        await jane.ready()
        assert jane.state is not None
        assert jane.state.coverage is not None
        assert jane.state.coverage.namespaces == ("shop",)
        told = await jane.whoami()
        assert told.user == NamedUser(name="jane", groups=("system:authenticated",))
        assert told.coverage == jane.state.coverage
        grant(store, binding("jane-bank", "reader", "User/jane", namespace="bank"))
        events = []
        async for update in jane.updates():
            if update.event not in ("bookmark", "delta"):
                events.append((update.event, update.reason))
            if update.event == "snapshot":
                break
        first = ("state", ""), ("reset", "epoch-changed"), ("snapshot", "")
        assert moves is (tuple(events) == first)
        assert moves or events[0] == ("disconnected", "what you may see has changed")
        assert {node["name"] for node in jane.graph.nodes.values()} == {"shop-pod", "bank-pod", "web"}
        assert jane.state is not None
        assert jane.state.coverage is not None
        assert jane.state.coverage.namespaces == ("bank", "shop")
