"""`astrolabe compare`: what it takes for a difference, what it says, and how it ends."""

from __future__ import annotations

import asyncio
import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from astrolabe.cli import main
from astrolabe.cli.compare import CompareError, Comparison, compare, report
from astrolabe.cli.compare import server as compared_server
from astrolabe.cli.compare.requests import (
    CHARTS,
    NOBODY,
    ParameterValues,
    fixed,
    named,
    spread,
)
from astrolabe.graph.state.status import PENDING, Status
from tests.support.certificates import Pair
from tests.support.original import original
from tests.support.process import astrolabe
from tests.support.serving import Site, serve
from tests.support.worlds import World, facts, shop

TOKEN = "open-sesame-3f2a"


def test_requests_of_a_comparison() -> None:
    values = ParameterValues({"shop", "a b"}, {"web"}, {("shop", "web")})
    assert [request.shown for request in fixed() if request.path is CHARTS] == [
        "/api/v1/charts",
        "HEAD /api/v1/charts",
        "/api/v1/charts/",
        "/api/v1/charts?_=1795594321123",
        "/api/v1/charts?namespace=",
        f"/api/v1/charts?namespace={NOBODY}",
    ]
    assert [request.target for request in named(values, 0)] == [
        "/api/v1/releases?namespace=a+b",
        "/api/v1/releases?namespace=shop",
        "/api/v1/charts?namespace=a+b",
        "/api/v1/charts?namespace=shop",
        *[
            f"/api/v1/{path}?{query}"
            for path in ("resources", "graph")
            for query in ("namespace=a+b", "namespace=shop", "release=web", "release=web&namespace=shop")
        ],
    ]


def test_values_are_spread() -> None:
    assert spread(range(100), 4) == [0, 25, 50, 75]
    assert spread(range(3), 4) == spread(range(3), 0) == [0, 1, 2]


async def compared(first: str, second: str, **options: Any) -> tuple[Comparison, list[str]]:
    """What comes out, and what is said meanwhile."""
    said: list[str] = []
    options = {"most": 20, "pauses": (0.0, 0.0), **options}
    return await compare(first, second, on_status=said.append, **options), said


def url_of(site: Site, scheme: str = "http") -> str:
    return f"{scheme}://127.0.0.1:{site.port}"


async def test_equal_servers() -> None:
    async with serve(shop()) as one, serve(shop()) as two:
        comparison, said = await compared(url_of(one), url_of(two))
    assert (comparison.is_noticed, comparison.groups, said) == (False, {}, [])
    assert comparison.asked == comparison.questions == 50
    assert list(report(comparison, "text")) == [
        f"A client of {url_of(one)} would notice nothing. 50 requests were sent."
    ]


async def test_different_servers() -> None:
    async with serve(shop()) as one, serve(shop()) as two:
        two.world.remove("pod-lone")
        two.world.set(facts("Pod", "new"), facts("Namespace", "shop", status=Status(PENDING, "Terminating")))
        comparison, _ = await compared(url_of(one), url_of(two))
    noticed = {
        (group.kind, group.path, group.where): (
            group.count,
            [each.difference.item for each in group.examples],
        )
        for group in comparison.groups.values()
        if group.is_noticed
    }
    lone, namespace = (1, ["Pod other/lone"]), (1, ["Namespace shop"])
    assert noticed == {
        ("missing node", "/api/v1/graph", "Pod"): lone,
        ("missing resource", "/api/v1/resources", "Pod"): lone,
        ("other value", "/api/v1/graph", "nodes[].status"): namespace,
        ("other value", "/api/v1/graph", "nodes[].reason"): namespace,
        ("other value", "/api/v1/resources", "[].status"): namespace,
        ("other value", "/api/v1/resources", "[].reason"): namespace,
    }
    added = [group.kind for group in comparison.groups.values() if not group.is_noticed]
    assert sorted(added) == ["added node", "added resource"]


async def test_from_the_original_and_back() -> None:
    async with serve(shop()) as site:
        graph = await site.json("/api/v1/graph")
        async with original(graph) as (_, url):
            there, _ = await compared(url, url_of(site))
            back, _ = await compared(url_of(site), url)
    shown = {(group.kind, group.path, group.where): group for group in there.groups.values()}
    noticed = {key: group for key, group in shown.items() if group.is_noticed}
    # Of what is in no namespace it shows all, whichever is asked for.
    assert set(noticed) == {
        (kind, path, where)
        for kind, path in (("missing node", "/api/v1/graph"), ("missing resource", "/api/v1/resources"))
        for where in ("Namespace", "PersistentVolume")
    }
    assert all("namespace=" in each.request for group in noticed.values() for each in group.examples)
    added = {where for kind, _, where in shown if kind == "added key"}
    assert {"edges[].field", "epoch", "nodes[].reason"} <= added
    missed = {(group.kind, group.where) for group in back.groups.values() if group.is_noticed}
    assert {("missing key", "nodes[].reason"), ("missing key", "[].uid")} <= missed


async def test_changes_during_the_comparison_are_no_difference() -> None:
    async with serve(shop()) as site:
        graph = await site.json("/api/v1/graph")
    async with original(graph) as (_, first), original(graph) as (held, second):
        same, _ = await compared(first, second)
        assert not same.is_noticed
        asked, late = len(held.asked), held.nodes.pop()
        held.asked.clear()
        missing, _ = await compared(first, second)
        assert missing.is_noticed
        assert len(held.asked) > asked  # what differs is asked again

        def look(_: str) -> None:
            if len(held.asked) == asked + 1:  # it comes when all has been asked once
                held.nodes.append(late)

        held.asked.clear()
        held.look = look
        changed, _ = await compared(first, second)
        assert held.nodes[-1] is late
        assert not changed.is_noticed


async def test_continuous_changes_are_no_difference() -> None:
    """Both count on, and are never asked at the same moment."""
    async with serve(shop()) as site:
        graph = await site.json("/api/v1/graph")
    async with original(graph) as (_, first), original(graph) as (held, second):
        counts = itertools.count(100)

        def look(_: str) -> None:
            held.nodes[0] = {**held.nodes[0], "metadata": {"restartCount": next(counts)}}

        held.look = look
        held.nodes[0]["metadata"].setdefault("restartCount", 1)
        comparison, _ = await compared(first, second)
    assert [group for group in comparison.groups.values() if group.kind == "other value"] == []


async def test_a_token_is_sent_to_servers_that_require_it(tmp_path: Path) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text(TOKEN)
    async with serve(shop()) as site:
        graph = await site.json("/api/v1/graph")
    guarded = serve(shop(), auth="token", auth_token_file=str(tokens))
    async with guarded as closed, original(graph) as (held, url):
        comparison, _ = await compared(url, url_of(closed), token=TOKEN)
        assert comparison.asked == 50
        assert held.shown == []
        for token in ("another", None):
            with pytest.raises(CompareError, match="refuses access: HTTP 401") as refused:
                await compared(url, url_of(closed), token=token)
            assert refused.value.code == "unauthorised"


async def test_a_busy_server_is_asked_again() -> None:
    async with serve(shop()) as site:
        graph = await site.json("/api/v1/graph")
        async with original(graph) as (_, other), original(graph) as (held, url):
            busy = iter(range(2))

            def look(path: str) -> None:
                if path == "/api/v1/graph" and next(busy, None) is not None:
                    raise web.HTTPServiceUnavailable(headers={"Retry-After": "0"})

            held.look = look
            comparison, _ = await compared(url, other)
    assert not comparison.is_noticed
    assert held.asked.count("/api/v1/graph") > 1


async def test_a_server_that_is_not_synced_is_named() -> None:
    world = World()
    world.set(facts("Pod", "a"))
    async with serve(world) as syncing, serve(world) as other:
        other.world.set(facts("Pod", "b"))
        _, said = await compared(url_of(syncing), url_of(other))
    assert said[0] == f"{url_of(syncing)} is syncing: its answers may be incomplete or out of date"


async def test_answers_are_limited_in_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compared_server, "LARGEST", 2**10)
    async with serve(shop()) as one:
        with pytest.raises(CompareError, match="is larger than 0 MiB"):
            await compared(url_of(one), url_of(one))


async def test_a_server_that_is_not_astrolabe_is_named(tmp_path: Path) -> None:
    async def moved(_: web.Request) -> web.Response:
        raise web.HTTPFound("https://elsewhere.example/")

    async def page(_: web.Request) -> web.Response:
        return web.Response(text="<html>", content_type="text/html")

    async with serve(shop()) as site:
        for handler, said in (
            (moved, "redirects: HTTP 302"),
            (
                page,
                "is not an Astrolabe server: /health answers 200, but not with a status and a number of nodes",
            ),
        ):
            server = TestServer(web.Application())
            server.app.router.add_route("*", "/{path:.*}", handler)
            async with server:
                with pytest.raises(CompareError, match=said):
                    await compared(url_of(site), f"http://127.0.0.1:{server.port}")


async def test_the_command_says_what_differs_and_ends_with_1() -> None:
    async with serve(shop()) as one, serve(shop()) as two:
        two.world.remove("pod-lone")
        first, second = f"127.0.0.1:{one.port}", f"ws://127.0.0.1:{two.port}/api/v1/ws"
        (code, out, err), (json_code, lines, _) = await asyncio.gather(
            astrolabe("compare", first, second),
            astrolabe("compare", first, second, "-o", "json", "--values=1"),
        )
    assert (code, json_code, err) == (1, 1, "")
    assert (
        out
        == f"""\
A client of {url_of(one)} would notice these differences in {url_of(two)}:
  missing node      /api/v1/graph      Pod  1  Pod other/lone
  missing resource  /api/v1/resources  Pod  1  Pod other/lone
2 kinds of difference would be noticed. 50 requests were sent.
"""
    )
    missing, resource, whole = (json.loads(line) for line in lines.splitlines())
    assert missing == {
        "kind": "missing node",
        "path": "/api/v1/graph",
        "where": "Pod",
        "count": 1,
        "noticed": True,
        "examples": [{"question": "/api/v1/graph", "item": "Pod other/lone"}],
    }
    assert resource["kind"] == "missing resource"
    assert whole == {
        "first": url_of(one),
        "second": url_of(two),
        "asked": 46,
        "questions": 50,
        "noticed": True,
    }


async def test_the_command_over_tls(tmp_path: Path) -> None:
    pair = Pair(tmp_path)
    async with serve(shop(), **pair.settings) as one, serve(shop()) as two:
        secret, plain = url_of(one, "https"), url_of(two)
        trusting, skipping, wary = await asyncio.gather(
            astrolabe("compare", secret, plain, f"--certificate-authority={pair.certificate}"),
            astrolabe("compare", plain, secret, "--insecure-skip-tls-verify"),
            astrolabe("compare", secret, plain),
        )
    assert trusting[0] == skipping[0] == 0
    assert wary[:2] == (2, "")
    assert "certificate" in wary[2]
    assert wary[2].endswith("pass the certificate to trust with --certificate-authority=PATH\n")


async def test_a_failed_comparison_is_one_line_and_exit_code_2() -> None:
    async with serve(shop()) as site:
        gone = f"127.0.0.1:{site.port}"
    async with serve(shop()) as site:
        here = f"127.0.0.1:{site.port}"
        ended = await asyncio.gather(
            astrolabe("compare", here, gone), astrolabe("compare", here, f"{here}/graph")
        )
    assert ended == [
        (2, "", f"astrolabe: cannot connect to http://{gone}: Connection refused\n"),
        (2, "", f"astrolabe: http://{here}/graph is not an Astrolabe server: /health answers 404\n"),
    ]


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (["a:1"], "Missing argument 'SECOND'."),
        (
            ["a:1", "ftp://x"],
            "invalid value 'ftp://x' for SECOND: not host:port, ws://host:port or http://host:port",
        ),
        (
            ["a:port", "b:1"],
            "invalid value 'a:port' for FIRST: the port is a number from 1 to 65535, not 'port'",
        ),
        (["a:1", "b:1", "--value=3"], "unknown flag --value, did you mean --values?"),
        (
            ["a:1", "b:1", "--values=few"],
            "invalid value 'few' for --values: not a whole number of at least 0",
        ),
        (
            ["a:1", "b:1", "--insecure-skip-tls-verify"],
            "--insecure-skip-tls-verify needs an https:// or wss:// URL",
        ),
    ],
)
def test_a_wrong_value_is_one_line_and_exit_code_2(
    args: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["compare", *args])
    assert (end.value.code, *capsys.readouterr()) == (2, "", f"astrolabe: {line}\n")
