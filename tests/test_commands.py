"""Every command of the documents: run where that can be, and held to what there is where it cannot."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import pairwise
from pathlib import Path

import aiohttp
import pytest
import yaml

from astrolabe.graph.state.identity import GroupKind
from astrolabe.sim.api.authorization import Authorizer
from astrolabe.sim.cluster.generator import load
from astrolabe.sim.definitions import crd
from astrolabe.sim.kubeconfig import kubeconfig
from astrolabe.sim.server import Simulator
from astrolabe.sim.store import ObjectStore
from tests.support import kustomize
from tests.support.commands import Block, Command, blocks, files, inline
from tests.support.documents import CHART, GUIDE, OVERLAYS, ROOT
from tests.support.redis_server import free_port, redis_server

ASTROLABE = Path(sys.executable).with_name("astrolabe")
#: Programs that are run here.
RUN = ("astrolabe", "curl", "openssl")
#: Seconds that a command may take.
PATIENCE = 60.0

#: Two objects, as a reader may have them in a file.
MANIFESTS = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: shop, uid: a}
---
apiVersion: cert-manager.io/v1
kind: Issuer
metadata: {name: letters, namespace: shop, uid: b}
"""

#: The page whose commands are typed one after the other, with what it has its reader save.
TUTORIAL = GUIDE / "your-crd.md"
SAVED = files(TUTORIAL)

BLOCKS = blocks()
COMMANDS = [*(command for block in BLOCKS for command in block.commands), *inline()]
LESSONS = [block for block in BLOCKS if block.place.startswith(str(TUTORIAL.relative_to(ROOT)))]


def of(*programs: str) -> list[Command]:
    """The commands of these programs, each text once."""
    return list({each.text: each for each in COMMANDS if each.program in programs}.values())


class Stage:
    """Where a reader types: the repository's folder, a cluster in `~/.kube/config`, and free ports."""

    def __init__(self, folder: Path, port: int, redis: str = "") -> None:
        self.port = port
        self._folder = folder
        self._redis = redis
        (folder / ".venv/bin").mkdir(parents=True)
        (folder / ".venv/bin/astrolabe").symlink_to(ASTROLABE)
        (folder / "deploy").symlink_to(ROOT / "deploy")
        # What a reader has written.
        rules = ROOT / "astrolabe/kinds/rules/cert-manager.io.yaml"
        (folder / "rules").mkdir()
        for mine in ("my-rules.yaml", "rules/my-rules.yaml"):
            (folder / mine).write_text(rules.read_text())
        (folder / "manifests.yaml").write_text(MANIFESTS)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": f"{ASTROLABE.parent}:{os.environ['PATH']}",
            "HOME": str(self._folder),
            "PORT": str(self.port),
            "ASTROLABE_IN_CLUSTER": "false",
        }

    async def start(self, command: Command) -> Process:
        # What differs from a reader's machine, and how long a measurement takes.
        text = re.sub(r"(?<=astrolabe watch )(?=-)", "localhost:8080 ", command.text)
        text = text.replace("localhost:8080", f"localhost:{self.port}")
        text = text.replace("redis:6379", self._redis).replace("--duration 20s", "--duration 1s")
        return await asyncio.create_subprocess_exec(
            *("bash", "-euc", text),
            cwd=self._folder,
            env=self.environment,
            stdout=PIPE,
            stderr=PIPE,
            limit=2**24,
        )


@pytest.fixture(scope="module")
def demo() -> Iterator[int]:
    """The port of a demo as `make demo` starts it, with the incidents that documents tell of."""
    port = free_port()
    arguments = [ASTROLABE, "demo", "--incidents", "--host=127.0.0.1", f"--port={port}"]
    with subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            assert any("synced in" in line for line in process.stderr)
            yield port
        finally:
            process.terminate()
            process.communicate()


def serves(command: Command) -> bool:
    """Whether it goes on until it is stopped, as a server."""
    words = command.words
    return command.program == "astrolabe" and (len(words) == 1 or words[1].startswith("-"))


def follows(command: Command) -> bool:
    """Whether it goes on until it is stopped, and prints what happens."""
    return command.words[1:2] == ["watch"]


def addresses_another(command: Command) -> bool:
    """Whether it is for a server that only the reader has."""
    return ".example.com" in command.text


async def run(stage: Stage, command: Command) -> str:
    """What it printed; it has to succeed, or, when it goes on, to print something."""
    process = await stage.start(command)
    assert process.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE):
            if follows(command):
                return (await process.stdout.readline()).decode()
            printed, said = await process.communicate()
    finally:
        await end(process)
    assert process.returncode == 0, said.decode()
    return printed.decode()


async def end(process: Process) -> None:
    if process.returncode is None:
        process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.communicate(), PATIENCE)


@asynccontextmanager
async def serving(stage: Stage, command: Command) -> AsyncIterator[None]:
    """Its server, from being ready on; it has to end in order."""
    process = await stage.start(command)
    assert process.stderr is not None
    try:
        said: list[bytes] = []
        async with asyncio.timeout(PATIENCE):
            while b"synced in" not in (line := await process.stderr.readline()):
                said.append(line)
                assert line, b"".join(said).decode()
        async with (
            aiohttp.ClientSession() as http,
            http.get(f"http://localhost:{stage.port}/readyz") as answer,
        ):
            assert answer.status == 200
        yield
    finally:
        await end(process)
    assert process.returncode == 0


def check_shape(printed: str, shown: str) -> None:
    """That an answer looks like the one in the document, in which parts are left out."""
    if shown.lstrip()[:1] not in ("[", "{"):
        return
    document = json.loads(printed)
    if shown.startswith("["):
        assert document, "an empty answer is not what is shown"
        document, indent = document[0], " " * 4
    else:
        indent = " " * 2
    assert set(re.findall(rf'^{indent}"(\w+)":', shown, re.MULTILINE)) <= document.keys()


CLIENTS = [
    block
    for block in BLOCKS
    if block not in LESSONS
    and {each.program for each in block.commands} <= set(RUN)
    and any(
        each.program == "curl" or each.words[1:2] in (["watch"], ["bench-stream"]) for each in block.commands
    )
    and not any(serves(each) or addresses_another(each) for each in block.commands)
]
SERVERS = [
    block
    for block in BLOCKS
    if block not in CLIENTS
    and block not in LESSONS
    and any(
        each.program in RUN and each.program != "openssl" and not addresses_another(each)
        for each in block.commands
    )
]


@pytest.mark.parametrize("block", CLIENTS, ids=[block.place for block in CLIENTS])
async def test_commands_for_a_demo(block: Block, demo: int, tmp_path: Path) -> None:
    stage = Stage(tmp_path, demo)
    for command in block.commands:
        printed = await run(stage, command)
        assert printed
        check_shape(printed, command.output)


@pytest.mark.parametrize("block", SERVERS, ids=[block.place for block in SERVERS])
async def test_commands_that_serve_a_cluster(block: Block, tmp_path: Path) -> None:
    store = ObjectStore()
    load(store, 0.001, seed=1)
    (tmp_path / "redis").mkdir()
    async with AsyncExitStack() as stack:
        simulator = await stack.enter_async_context(Simulator(store, authorizer=Authorizer()))
        redis = stack.enter_context(redis_server(tmp_path / "redis"))
        home = tmp_path / "home"
        stage = Stage(home, free_port(), redis.address)
        (home / ".kube").mkdir()
        (home / ".kube/config").write_text(kubeconfig(simulator.url))
        for command in block.commands:
            if serves(command):
                await stack.enter_async_context(serving(stage, command))
            elif command.program in RUN and not addresses_another(command):
                await run(stage, command)


async def test_the_tutorial_from_its_first_command_to_its_last(tmp_path: Path) -> None:
    store = ObjectStore()
    store.create("Namespace", {"metadata": {"name": "default"}})
    stage = Stage(tmp_path, free_port())
    for name, text in SAVED.items():
        (tmp_path / name).write_text(text)
    async with AsyncExitStack() as stack:
        simulator = await stack.enter_async_context(Simulator(store, authorizer=Authorizer()))
        (tmp_path / ".kube").mkdir()
        (tmp_path / ".kube/config").write_text(kubeconfig(simulator.url))
        for command in [command for block in LESSONS for command in block.commands]:
            if serves(command):
                await stack.enter_async_context(serving(stage, command))
            elif command.program == "kubectl":
                apply(store, command)
            elif command.program == "curl":
                await until_shown(stage, command)
            else:
                assert await run(stage, command) == command.output


def apply(store: ObjectStore, command: Command) -> None:
    """Do in the store what kubectl would do in a cluster."""
    match command.words[1:]:
        case ["apply", "-f", name]:
            manifest = yaml.safe_load(SAVED[name])
            if manifest["kind"] == "CustomResourceDefinition":
                spec = manifest["spec"]
                names = spec["names"]
                store.define(crd(names["kind"], spec["group"], plural=names["plural"], status=False))
            else:
                store.create(GroupKind.of(manifest["apiVersion"], manifest["kind"]).key, manifest)
        case ["create", "secret", "generic", name]:
            store.create("Secret", {"metadata": {"name": name, "namespace": "default"}})
        case ["wait", *_]:
            pass
        case words:
            raise AssertionError(f"how is this done in the store? {words}")


async def until_shown(stage: Stage, command: Command) -> None:
    """Ask until the answer has every line that the document shows: changes take a moment to arrive."""
    shown = [line.strip() for line in command.output.splitlines() if '"' in line]
    assert shown
    async with asyncio.timeout(PATIENCE):
        while True:
            answer = json.loads(await run(stage, command))
            lines = {line.strip().rstrip(",") for line in json.dumps(answer, indent=2).splitlines()}
            if lines >= {line.rstrip(",") for line in shown}:
                return
            await asyncio.sleep(0.1)


@pytest.mark.parametrize("command", of("make"), ids=lambda command: command.text)
def test_make_knows_its_targets_and_variables(command: Command) -> None:
    words = command.words
    tried = subprocess.run(["make", "-n", *words[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
    assert tried.returncode == 0, tried.stderr
    variables = {word.partition("=")[0] for word in words if "=" in word}
    assert variables <= set(re.findall(r"^([A-Z_]+) \?=", (ROOT / "Makefile").read_text(), re.MULTILINE))


@pytest.mark.parametrize("command", of("kubectl", "docker"), ids=lambda command: command.text)
def test_applied_files_and_addressed_objects_exist(command: Command) -> None:
    words = command.words
    named = [after for word, after in pairwise(words) if word in ("-f", "-k")]
    known = [path for path in named if path in SAVED or path.startswith("http") or (ROOT / path).exists()]
    assert known == named
    made = {
        f"{manifest['kind'].lower()}/{manifest['metadata']['name']}"
        for overlay in OVERLAYS.iterdir()
        for manifest in kustomize.render(overlay)
    }
    addressed = [word for word in words if re.match(r"(deployment|service|statefulset|secret)/", word)]
    created = {
        each.text.split("secret generic ")[1].split()[0]
        for each in of("kubectl")
        if "secret generic" in each.text
    }
    assert [word for word in addressed if word not in made | {f"secret/{name}" for name in created}] == []


@pytest.mark.parametrize("command", of("helm"), ids=lambda command: command.text)
def test_helm_is_given_values_that_the_chart_has(command: Command) -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    for setting in re.findall(r"--set ([\w.]+)=", command.text):
        found = values
        for key in setting.split("."):
            assert key in found, setting
            found = found[key]


@pytest.mark.parametrize("command", of("npm"), ids=lambda command: f"{command.folder.name}: {command.text}")
def test_npm_knows_its_scripts(command: Command) -> None:
    scripts = json.loads((command.folder / "package.json").read_text())["scripts"]
    assert [name for name in re.findall(r"npm run ([\w:]+)", command.text) if name not in scripts] == []


#: Why others are not run: what it would take.
ELSEWHERE = {
    "kubectl": "a cluster",
    "helm": "a cluster",
    "docker": "an engine for containers",
    "npm": "`make viewer` and `make plugin` do it",
    "cp": "Grafana's folder",
}


def test_every_command_is_checked() -> None:
    assert {each.program for each in COMMANDS} <= {"make", *RUN, *ELSEWHERE}
    assert len(CLIENTS) >= 6
    assert len(SERVERS) >= 3
