"""What code generators make of the document compiles, and speaks with a server."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.contract.promise import described
from tests.support.documents import ROOT
from tests.support.process import run
from tests.support.programs import program
from tests.support.simulated import generated, simulated

FOLDER = Path(__file__).parent
OAPI_CODEGEN = "github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen@v2.8.2"
OPENAPI_GENERATOR = "org.openapitools:openapi-generator-cli:7.25.0"
#: Without these what it makes refuses every key and every kind that a later server adds; the guide says so, too.
TOLERANT = (
    "--additional-properties=disallowAdditionalPropertiesIfNotPresent=false,enumUnknownDefaultCase=true"
)
TSC = ROOT / "static/node_modules/.bin/tsc"

# They are fetched, and compile much.
pytestmark = pytest.mark.timeout(600)


@pytest.fixture
async def document(tmp_path: Path) -> Path:
    path = tmp_path / "openapi.json"
    text = json.dumps(await described())
    path.write_text(text)
    return path


async def test_oapi_codegen(document: Path) -> None:
    go, folder = program("go", package="golang-go"), document.parent
    shutil.copy(FOLDER / "client.go", folder)
    await run(go, "mod", "init", "example.com/astrolabe", folder=folder)
    make = ("-generate", "types,client", "-package", "main", "-o", "astrolabe.go", document.name)
    await run(go, "run", OAPI_CODEGEN, *make, folder=folder)
    await run(go, "mod", "tidy", folder=folder)
    await run(go, "vet", ".", folder=folder)
    # A seq of more than 32 bits.
    bookmark = {"type": "bookmark", "id": "default", "epoch": "e", "seq": 2**40}
    async with simulated(generated()) as address:
        url = f"http://{address}"
        printed = await run(go, "run", ".", url, json.dumps(bookmark), folder=folder)
        async with aiohttp.ClientSession(url) as http, http.get("/api/v1/graph?kind=Pod") as answer:
            graph = await answer.json()
    assert printed.split() == [str(len(graph["nodes"])), str(graph["seq"]), str(2**40)]


@pytest.fixture
async def generator(tmp_path: Path) -> list[str | Path]:
    """The command of openapi-generator."""
    maven, java = program("mvn", package="maven"), program("java", package="default-jdk-headless")
    fetch = ("dependency:copy", f"-Dartifact={OPENAPI_GENERATOR}", "-DoutputDirectory=.")
    await run(maven, "--quiet", "--batch-mode", *fetch, folder=tmp_path)
    _, name, version = OPENAPI_GENERATOR.split(":")
    return [java, "-jar", tmp_path / f"{name}-{version}.jar", "generate"]


async def make(generator: list[str | Path], document: Path, language: str) -> Path:
    folder = document.parent / language
    how = ("--input-spec", document, "--generator-name", language, "--output", folder, TOLERANT)
    printed = await run(*generator, *how, folder=document.parent)
    assert "[error]" not in printed.lower()
    return folder


async def test_java(generator: list[str | Path], document: Path) -> None:
    folder = await make(generator, document, "java")
    await run(program("mvn", package="maven"), "--quiet", "--batch-mode", "compile", folder=folder)
    models = folder / "src/main/java/org/openapitools/client/model"
    strict = {path.stem for path in models.glob("*.java") if "is not defined in the" in path.read_text()}
    assert strict <= {"Filter", "Ping", "Position", "Subscribe", "Unsubscribe"}  # of which the server is
    assert "private Long seq;" in (models / "Delta.java").read_text()
    assert "return UNKNOWN_DEFAULT_OPEN_API;" in (models / "Kind.java").read_text()


async def test_typescript(generator: list[str | Path], document: Path) -> None:
    assert TSC.exists(), "TypeScript is needed, which `make viewer` installs"
    folder = await make(generator, document, "typescript-fetch")
    options: dict[str, Any] = {"target": "es2022", "module": "esnext", "moduleResolution": "bundler"}
    flags = [word for name, value in options.items() for word in (f"--{name}", value)]
    await run(TSC, "--noEmit", "--strict", *flags, "--lib", "es2022,dom", "index.ts", folder=folder)
