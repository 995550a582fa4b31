"""The page "Write a client": its examples follow a real server, and what it lists is what there is."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import re
import shutil
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from astrolabe.graph.encoding.wire import PART_BYTES
from astrolabe.graph.state.status import ERROR, Status
from astrolabe.graph.views.filter import Filter
from astrolabe.http.query import StreamPosition
from astrolabe.http.stream.client import StreamClient
from astrolabe.settings import Limits
from tests.support.description import Described
from tests.support.documents import GUIDE, VECTORS
from tests.support.fleet import Proxy
from tests.support.process import run
from tests.support.programs import program
from tests.support.redis_server import free_port
from tests.support.serving import PATIENCE, serve
from tests.support.worlds import World, facts

WS = "/api/v1/ws"
PAGE = GUIDE / "write-a-client.md"
HARNESS = Path(__file__).with_name("examples")
#: Vectors that check the inside of a message, which the examples do not.
INSIDE = (
    "dangling-in-snapshot",
    "edge-without-end",
    "node-with-edges-removed",
    "twice-in-snapshot",
    "malformed",
)


def example(language: str) -> str:
    """The one block of the page in this language."""
    (block,) = re.findall(rf"(?ms)^```{language}\n(.*?)^```$", PAGE.read_text())
    return str(block)


async def javascript(folder: Path) -> list[str | Path]:
    """The command of the example, which is built in this folder."""
    (folder / "client.mjs").write_text(example("js"))
    # What Node 22 has by itself.
    return [program("node", package="nodejs"), "--experimental-websocket", "--no-warnings", "client.mjs"]


async def python(folder: Path) -> list[str | Path]:
    (folder / "client.py").write_text(example("python"))
    return [sys.executable, "client.py"]


async def go(folder: Path) -> list[str | Path]:
    (folder / "client.go").write_text(example("go"))
    await run(program("go", package="golang-go"), "build", "client.go", folder=folder)
    return [folder / "client"]


class Example(NamedTuple):
    """build: what makes its command. address: of the stream, without host and port.

    filter, unknown: how it is told a filter, and one that is refused. refusal: what it prints then.
    """

    build: Callable[[Path], Awaitable[list[str | Path]]]
    address: tuple[str, str]
    filter: str = "kind=Pod"
    unknown: str = "colour=blue"
    refusal: str = "400"

    def url(self, port: int) -> str:
        scheme, path = self.address
        return f"{scheme}://127.0.0.1:{port}{path}"


EXAMPLES = {
    "js": Example(javascript, ("ws", WS), '{"kind": ["Pod"]}', '{"colour": "blue"}', "bad-filter"),
    "python": Example(python, ("ws", WS)),
    "go": Example(go, ("http", "/api/v1/events")),
}


@asynccontextmanager
async def following(
    command: list[str | Path], *arguments: str, folder: Path
) -> AsyncIterator[asyncio.StreamReader]:
    """The lines that the example prints."""
    process = await asyncio.create_subprocess_exec(
        *command, *arguments, cwd=folder, stdout=PIPE, stderr=DEVNULL
    )
    assert process.stdout is not None
    try:
        yield process.stdout
    finally:
        process.kill()
        await process.wait()


async def reached(lines: asyncio.StreamReader, line: str) -> None:
    """Read until the example has printed this line."""
    async with asyncio.timeout(2 * PATIENCE):
        printed = [""]
        while printed[-1] != line:
            printed.append((await lines.readline()).decode().strip())
            assert printed[-1], f"it ended after {printed}"


@pytest.mark.parametrize("language", EXAMPLES)
async def test_an_example_follows_a_server_through_cuts_and_restarts(
    language: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[StreamPosition | None] = []
    subscribe = StreamClient.subscribe

    def spy(self: StreamClient, id: str, filter: Filter, since: StreamPosition | None = None) -> None:
        asked.append(since)
        subscribe(self, id, filter, since)

    monkeypatch.setattr(StreamClient, "subscribe", spy)
    example = EXAMPLES[language]
    command = await example.build(tmp_path)
    port = free_port()
    between = Proxy(port)
    await between.start()
    try:
        async with following(command, example.url(between.port), example.filter, folder=tmp_path) as lines:
            world = World("first")
            world.set(facts("Pod", "a"), facts("Service", "other"))
            async with serve(world, port=port):
                await reached(lines, "first:1 1 0")
                world.set(facts("Pod", "b"))
                await reached(lines, "first:2 2 0")
                between.cut()
                world.remove("pod-a", "pod-b")
                world.set(facts("Pod", "c", status=Status(ERROR, "Failed")))
                await reached(lines, "first:4 1 0")
            world = World("second")
            world.set(facts("Pod", "d"), facts("Pod", "e"), facts("Pod", "f"))
            async with serve(world, port=port):
                await reached(lines, "second:1 3 0")
    finally:
        await between.stop()
    # It resumes from where it was, and the other server tells it that it cannot.
    assert asked == [None, StreamPosition("first", 2), StreamPosition("first", 4)]
    assert sum(world.hub.counters.resets.values()) == 1


@pytest.mark.parametrize("language", EXAMPLES)
async def test_an_example_does_not_come_back_to_a_server_that_refuses_it(
    language: str, tmp_path: Path
) -> None:
    example = EXAMPLES[language]
    command = await example.build(tmp_path)
    async with serve(World()) as site, asyncio.timeout(2 * PATIENCE):
        printed = await run(*command, example.url(site.port), example.unknown, folder=tmp_path, fails=True)
    assert example.refusal in printed


async def test_the_javascript_example_passes_the_vectors(tmp_path: Path) -> None:
    node, *_ = await javascript(tmp_path)
    printed = await run(node, HARNESS / "vectors.mjs", "client.mjs", VECTORS, *INSIDE, folder=tmp_path)
    assert int(printed) == len(list(VECTORS.glob("*.json"))) - len(INSIDE)


async def test_the_go_example_passes_the_vectors(tmp_path: Path) -> None:
    await go(tmp_path)
    shutil.copy(HARNESS / "client_test.go", tmp_path)
    given = {"VECTORS": str(VECTORS), "WITHOUT": ",".join(INSIDE)}
    command = (program("go", package="golang-go"), "test", "-v", "client.go", "client_test.go")
    printed = await run(*command, folder=tmp_path, environment=given)
    assert printed.count("--- PASS: TestVectors/") == len(list(VECTORS.glob("*.json"))) - len(INSIDE)


def in_python(folder: Path) -> Any:
    path = folder / "client.py"
    path.write_text(example("python"))
    spec = importlib.util.spec_from_file_location("example_client", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    "path",
    [path for path in sorted(VECTORS.glob("*.json")) if path.stem not in INSIDE],
    ids=lambda path: path.stem,
)
def test_the_python_example_passes_the_vectors(path: Path, tmp_path: Path) -> None:
    module = in_python(tmp_path)
    vector = json.loads(path.read_text())
    graph, then = module.Graph(), vector["then"]
    for step in vector["steps"]:
        if "connect" in step:
            since = step["connect"]
            assert graph.connect() == ((since["epoch"], since["seq"]) if since is not None else None)
        elif "changes" in step:
            graph.apply(step["hear"])
        else:
            with pytest.raises(module.Broken):
                graph.apply(step["hear"])
            graph.position = None
            graph.connect()
    assert sorted(graph.nodes) == sorted(node["uid"] for node in then["nodes"])
    assert all(graph.nodes[node["uid"]] == node for node in then["nodes"])
    assert sorted(map(str, graph.edges.values())) == sorted(map(str, then["edges"]))
    assert (graph.parts is None) is then["complete"]
    if then["complete"]:
        assert graph.position == (then["position"]["epoch"], then["position"]["seq"])


async def test_the_messages_of_the_page_are_those_of_the_document() -> None:
    async with serve(World()) as site:
        described = Described(await site.json("/openapi.json"))
    schemas = described.document["components"]["schemas"]
    rows = re.findall(r"^\| `([a-z-]+)` \| (.*?) \| .* \| `(\w+)` \|$", PAGE.read_text(), re.MULTILINE)
    types = described.types_said(WS, "server") | described.types_said(WS, "client")
    assert {type for type, _, _ in rows} == types
    for type, keys, schema in rows:
        properties = schemas[schema]["properties"]
        assert properties["type"]["enum"] == [type]
        assert set(re.findall(r"`(\w+)`", keys)) == set(properties) - {"type"}
        optional = {*re.findall(r"`(\w+)`", re.sub("^.*?(sometimes|optional)", "", keys))}
        optional = optional if re.search("sometimes|optional", keys) else set()
        assert optional == set(properties) - set(schemas[schema]["required"])


def test_the_limits_of_the_page_are_those_of_the_server() -> None:
    text, limits = PAGE.read_text(), Limits()
    for said in (
        f"{PART_BYTES // 1024} KiB",
        f"{limits.max_message_bytes // 1024} KiB (`--max-message-bytes`)",
        f"{limits.max_message_rate} frames a second",
        f"{limits.max_filter_terms} terms, {limits.max_filter_values} values in each, "
        f"{limits.max_filter_bytes // 1024} KiB in all",
        f"up to {limits.max_subscriptions} on a connection",
    ):
        assert said in text, said
