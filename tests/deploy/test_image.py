"""Dockerfile and .dockerignore: what can be said of an image without building it."""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any

import pytest

import astrolabe
import astrolabe.healthcheck
from tests.support.documents import DEPLOY, OVERLAYS, ROOT
from tests.support.kustomize import render

TEXT = (ROOT / "Dockerfile").read_text()
IGNORED = (ROOT / ".dockerignore").read_text().splitlines()
#: An instruction and its arguments; a stage is what stands from one FROM to the next.
Instruction = tuple[str, str]


def instructions() -> list[Instruction]:
    lines = "\n".join(line for line in TEXT.splitlines() if not line.startswith("#"))
    found = re.findall(r"^([A-Z]+) (.+)$", re.sub(r"\\\n\s*", "", lines), re.MULTILINE)
    return [(name, rest) for name, rest in found]


def stages() -> dict[str, list[Instruction]]:
    """By name; that of the last is empty."""
    found: dict[str, list[Instruction]] = {}
    for name, rest in instructions():
        if name == "FROM":
            stage = found.setdefault(rest.partition(" AS ")[2], [])
        elif found:
            stage.append((name, rest))
    return found


@pytest.fixture(scope="module")
def runtime() -> dict[str, str]:
    """The instructions of the last stage by name, the last of each."""
    return dict(stages()[""])


@pytest.fixture(scope="module")
def pod() -> dict[str, Any]:
    (deployment,) = [each for each in render(OVERLAYS / "in-memory") if each["kind"] == "Deployment"]
    spec: dict[str, Any] = deployment["spec"]["template"]["spec"]
    return spec


def test_the_image_has_a_viewer_a_wheel_and_a_runtime_stage() -> None:
    assert list(stages()) == ["viewer", "build", ""]
    copied = [rest for name, rest in stages()[""] if name == "COPY"]
    assert copied == ["--from=build /opt/astrolabe /opt/astrolabe"]
    assert [name for name, _ in stages()[""] if name == "RUN"] == []


def test_the_bases_are_pinned() -> None:
    versions = dict(
        rest.split("=") for name, rest in instructions() if name == "ARG" and rest[:4] in ("PYTH", "NODE")
    )
    bases = [rest.split()[0] for name, rest in instructions() if name == "FROM"]
    assert bases == ["node:${NODE}", "python:${PYTHON}", "python:${PYTHON}"]
    assert versions.keys() == {"PYTHON", "NODE"}
    for version in versions.values():
        assert re.fullmatch(r"\d+\.\d+\.\d+-[a-z-]+@sha256:[0-9a-f]{64}", version)


def test_the_python_version_is_a_tested_one() -> None:
    version = re.search(r"ARG PYTHON=(\d+\.\d+)", TEXT)
    tested = re.search(r"^PYTHONS \?= (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert version is not None
    assert tested is not None
    assert version[1] in tested[1].split()


def test_the_base_of_the_viewer_is_pinned_in_the_image_of_grafana_too() -> None:
    (node,) = re.findall(r"^ARG NODE=(.+)$", TEXT, re.MULTILINE)
    assert f"ARG NODE={node}\n" in (DEPLOY / "grafana/Dockerfile").read_text()


def test_no_image_is_tagged_latest() -> None:
    names = [
        path
        for path in DEPLOY.rglob("*")
        if path.suffix in (".yaml", ".yml") and "node_modules" not in path.parts
    ]
    images = [
        image
        for path in names
        for image in re.findall(r"^\s*(?:- )?image: \"?([^\s{\"]+)", path.read_text(), re.MULTILINE)
    ]
    assert {f"astrolabe:{astrolabe.__version__}", "redis:7.2-alpine"} <= set(images)
    assert [image for image in images if ":" not in image or image.endswith(":latest")] == []


def test_packages_are_installed_by_lock_and_hash_only() -> None:
    commands = [command for name, rest in instructions() if name == "RUN" for command in rest.split(" && ")]
    fetching = [command for command in commands if re.match(r"(npm (ci|install)|pip) ", command)]
    assert len(fetching) == 5
    for command in fetching:
        assert re.search(r"npm ci|--require-hashes|--no-index|--no-deps --no-build-isolation", command), (
            command
        )
    assert not re.search(r"apt-get|curl|wget|apk ", TEXT)


def test_the_image_runs_as_the_user_of_the_pod(runtime: dict[str, str], pod: dict[str, Any]) -> None:
    context = pod["securityContext"]
    assert runtime["USER"] == f"{context['runAsUser']}:{context['runAsGroup']}"
    assert context["runAsUser"] > 0


def test_the_image_serves_the_port_of_the_pod(runtime: dict[str, str], pod: dict[str, Any]) -> None:
    (container,) = pod["containers"]
    assert int(runtime["EXPOSE"]) == container["ports"][0]["containerPort"]


def test_neither_program_nor_health_check_needs_a_shell(runtime: dict[str, str]) -> None:
    assert json.loads(runtime["ENTRYPOINT"]) == ["astrolabe"]
    check = json.loads(runtime["HEALTHCHECK"].partition("CMD ")[2])
    assert check == ["python", "-m", astrolabe.healthcheck.__name__]


def test_the_image_has_labels(runtime: dict[str, str]) -> None:
    labels = dict(re.findall(r'org\.opencontainers\.image\.(\w+)="([^"]+)"', runtime["LABEL"]))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert labels == {
        "title": "Astrolabe",
        "description": project["description"],
        "version": astrolabe.__version__,
        "revision": "${REVISION}",
        "licenses": project["license"],
    }


def test_the_build_context_contains_only_copied_files() -> None:
    copied = {
        source
        for name, rest in instructions()
        if name == "COPY" and not rest.startswith("--from")
        for source in rest.split()[:-1]
    }
    assert IGNORED[0] == "*"
    assert {line[1:] for line in IGNORED if line.startswith("!")} == {
        each.partition("/")[0] for each in copied
    }
    assert all((ROOT / name).exists() for name in copied)


def test_both_images_are_built_with_the_same_node() -> None:
    grafana = (DEPLOY / "grafana" / "Dockerfile").read_text()
    assert re.findall(r"ARG NODE=(.+)", grafana) == re.findall(r"ARG NODE=(.+)", TEXT)
