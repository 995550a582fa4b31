"""What `pip install astrolabe-k8s` brings without the extra "server": the client library and `astrolabe watch`."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import tomllib
from importlib.metadata import distribution, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.support.simulated import generated, simulated

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT, GROUPS = PYPROJECT["project"], PYPROJECT["dependency-groups"]


def closure(requirements: list[str]) -> set[str]:
    """The names of the distributions that these requirements bring, on this machine."""
    names: set[str] = set()
    waiting = [Requirement(each) for each in requirements]
    while waiting:
        requirement = waiting.pop()
        environments = [{"extra": extra} for extra in ("", *requirement.extras)]
        name = normal(requirement.name)
        if name not in names:
            names.add(name)
            for each in requires(name) or []:
                needed = Requirement(each)
                if needed.marker is None or any(needed.marker.evaluate(each) for each in environments):
                    waiting.append(needed)
    return names


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def locked(text: str) -> set[str]:
    """The names in this part of the lock, but for what other machines need."""
    entries = re.findall(r"^([\w.-]+)==[^\s;]+( ;.*)? \\$", text, re.MULTILINE)
    return {
        normal(name)
        for name, marker in entries
        if not marker or Requirement(f"{name}{marker}").marker.evaluate()  # type: ignore[union-attr]
    }


@pytest.fixture(scope="module")
def client_only(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds Astrolabe and what its distribution requires, and nothing else."""
    folder = tmp_path_factory.mktemp("client")
    (folder / "astrolabe").symlink_to(ROOT / "astrolabe")
    for name in closure(PROJECT["dependencies"]):
        package = distribution(name)
        for top in {file.parts[0] for file in package.files or [] if file.parts[0] != ".."}:
            if not (folder / top).exists():
                (folder / top).symlink_to(Path(str(package.locate_file(top))))
    return folder


def program(folder: Path, *arguments: str) -> list[str]:
    """`astrolabe` with nothing but Python's own modules and those of the folder."""
    code = f"import sys; sys.path.insert(0, {str(folder)!r}); from astrolabe.cli import main; main()"
    return [sys.executable, "-I", "-S", "-c", code, *arguments]


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        program(folder, *arguments), capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("command", [[], ["demo"], ["check"], ["compare", "localhost:1", "localhost:2"]])
def test_commands_that_need_the_server_say_how_to_install_it(client_only: Path, command: list[str]) -> None:
    done = run(client_only, *command)
    assert done.stderr.splitlines() == [
        "astrolabe: only the client is installed; `pip install 'astrolabe-k8s[server]'` adds the server"
    ]
    assert done.returncode in (1, 2)


async def test_watch_works_with_the_clients_dependencies(client_only: Path) -> None:
    async with simulated(generated()) as place:
        process = await asyncio.create_subprocess_exec(
            *program(client_only, "watch", place, "--initial", "--kind=Namespace", "--output=json"),
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        first = json.loads(await process.stdout.readline())
        process.terminate()
        await process.communicate()
    assert first["node"]["kind"] == "Namespace"


def test_help_and_wrong_flags_need_no_server(client_only: Path) -> None:
    assert run(client_only, "--help").stdout.startswith("Usage: astrolabe [flags]")
    assert run(client_only, "--nmaespaces=x").stderr == (
        "astrolabe: unknown flag --nmaespaces, did you mean --namespaces?\n"
    )


def test_the_lock_starts_with_exactly_the_runtime_packages() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    running, development = lock.split("\n# Development\n")
    server = PROJECT["optional-dependencies"]["server"]
    assert locked(running) == closure([*PROJECT["dependencies"], *server, *GROUPS["build"]])
    assert locked(development) >= closure(GROUPS["dev"]) - locked(running)
    assert not locked(running) & locked(development)
