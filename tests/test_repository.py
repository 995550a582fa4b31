"""The repository itself: what lies at its top, and what its files must not say."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

import astrolabe
from astrolabe.graph.state.status import WORST_FIRST
from astrolabe.kinds.kind import LAYERS

ROOT = Path(__file__).parents[1]

#: Beside these, only files and folders whose names begin with a dot.
TOP_LEVEL = {
    "pyproject.toml",
    "requirements.lock",
    "LICENSE",
    "README.md",
    "Makefile",
    "Dockerfile",
    "astrolabe",
    "static",
    "tests",
    "deploy",
}


@pytest.fixture(scope="module")
def files() -> list[str]:
    """The files of the repository, without those that git ignores."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return [name for name in listing.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_the_top_level_has_exactly_these_entries(files: list[str]) -> None:
    entries = {name.split("/")[0] for name in files}
    assert {name for name in entries if not name.startswith(".")} == TOP_LEVEL


def test_no_source_file_is_longer_than_500_lines(files: list[str]) -> None:
    lengths = {name: (ROOT / name).read_text().count("\n") for name in files if name.endswith(".py")}
    assert {name: length for name, length in lengths.items() if length > 500} == {}


def test_no_class_name_is_used_twice(files: list[str]) -> None:
    places: dict[str, list[str]] = {}
    for name in files:
        if name.startswith("astrolabe/") and name.endswith(".py"):
            for node in ast.walk(ast.parse((ROOT / name).read_text())):
                if isinstance(node, ast.ClassDef):
                    places.setdefault(node.name.lstrip("_"), []).append(name)
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def test_the_version_is_the_same_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    image = re.search(r'image\.version="([^"]+)"', (ROOT / "Dockerfile").read_text())
    tag = re.search(r"^IMAGE \?= astrolabe:(.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    deployed = re.search(r"image: astrolabe:(.+)", (ROOT / "deploy" / "deployment.yaml").read_text())
    assert image is not None
    assert tag is not None
    assert deployed is not None
    composed = [
        version
        for path in ("docker-compose.yml", "grafana/docker-compose.yml")
        for version in re.findall(r"image: astrolabe(?:-grafana)?:(.+)", (ROOT / "deploy" / path).read_text())
    ]
    packages = ("deploy/grafana/astrolabe-datasource", "static", "static/packages/stream")
    packaged = [json.loads((ROOT / path / "package.json").read_text())["version"] for path in packages]
    versions = {project["version"], image[1], tag[1], deployed[1], *packaged, *composed}
    assert versions == {astrolabe.__version__}


@pytest.mark.parametrize(
    ("file", "name", "expected"),
    [("status.ts", "STATUSES", WORST_FIRST), ("kinds.ts", "LAYERS", LAYERS)],
)
def test_typescript_has_the_servers_order(file: str, name: str, expected: tuple[str, ...]) -> None:
    source = (ROOT / "static/packages/stream/src" / file).read_text()
    listed = re.search(rf"{name}\b[^=]*= \[([^]]*)\]", source)
    assert listed is not None
    assert tuple(re.findall(r'"(\w+)"', listed[1])) == expected


def test_the_license_is_apache_2_in_full() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License" in text.splitlines()[1]
    assert "END OF TERMS AND CONDITIONS" in text


def test_every_locked_package_is_pinned_by_version_and_hash() -> None:
    lock = (ROOT / "requirements.lock").read_text().replace("\\\n", " ")
    requirements = [line for line in lock.splitlines() if line and not line.lstrip().startswith("#")]
    assert requirements
    assert [line for line in requirements if not re.match(r"[\w.-]+==\S+ .*--hash=sha256:", line)] == []


CONTRIBUTORS = ("astrolabe/ARCHITECTURE.md", ".github/CONTRIBUTING.md")


@pytest.mark.parametrize("name", CONTRIBUTORS)
def test_every_path_in_the_contributor_docs_exists(name: str) -> None:
    text = (ROOT / name).read_text()
    named = set(re.findall(r"`((?:astrolabe|tests|static|deploy)/[\w./-]*)`", text))
    linked = {(ROOT / name).parent / link for link in re.findall(r"\]\(([^)#\s]+)\)", text)}
    assert len(named) > 15
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []
    assert [path for path in sorted(linked) if not path.exists()] == []


def test_every_package_is_in_the_map_of_the_architecture(files: list[str]) -> None:
    text = (ROOT / "astrolabe/ARCHITECTURE.md").read_text().partition("## The house")[2]
    packages = {name.rpartition("/")[0] for name in files if re.match(r"astrolabe/.+/.+\.py$", name)}
    leaves = {each for each in packages if any((ROOT / each).glob("[a-z]*.py"))}
    assert [each for each in sorted(leaves) if f"`{each}/" not in text] == []


def test_the_map_for_contributors_names_a_place_and_a_test_for_each_change() -> None:
    text = (ROOT / ".github/CONTRIBUTING.md").read_text()
    rows = re.findall(
        r"^\| (?:an?|the) (.+) \| (.+) \| (.+) \|$", text.partition("## How to add")[0], re.MULTILINE
    )
    found = {
        change: (re.search(r"`astrolabe/|`static/", place), "tests/" in tests)
        for change, place, tests in rows
    }
    assert {"status rule", "filter", "Redis lease", "close code", "viewer text"} <= found.keys()
    assert len(found) == len(rows)
    assert all(place and tests for place, tests in found.values())


def test_every_make_target_in_the_contributor_docs_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {
        target
        for name in CONTRIBUTORS
        for target in re.findall(r"(?:^|`)make ([a-z-]+)", (ROOT / name).read_text(), re.MULTILINE)
    }
    assert {"deps", "check", "test"} <= named
    assert named - targets == set()
