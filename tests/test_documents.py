"""README.md and deploy/ say what the code says; `make docs` writes it again."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from astrolabe.cli.flags import SERVE
from tests.support.documents import DEPLOY, FILES, README, ROOT, SECTIONS, section

PROSE = [
    README,
    *(
        path
        for path in sorted(DEPLOY.rglob("*"))
        if path.suffix in (".md", ".yaml", ".yml") and "node_modules" not in path.parts
    ),
]


@pytest.mark.parametrize(
    ("path", "name", "content"), SECTIONS, ids=[f"{path.name}-{name}" for path, name, _ in SECTIONS]
)
def test_sections_are_up_to_date(path: Path, name: str, content: Callable[[], str]) -> None:
    assert section(path.read_text(), name)[2] == content()


@pytest.mark.parametrize(("path", "content"), FILES, ids=[path.name for path, _ in FILES])
def test_files_are_up_to_date(path: Path, content: Callable[[], str]) -> None:
    assert path.read_text() == content()


@pytest.mark.parametrize("path", PROSE, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_of_deploy_that_is_named_exists(path: Path) -> None:
    named = re.findall(r"(?<![\w./])(?:deploy|tests)/[\w./-]+", path.read_text())
    made = [name for name in named if name.endswith("/dist")]
    assert [name for name in named if name not in made and not (ROOT / name.rstrip(".")).exists()] == []


def test_the_table_of_who_may_come_in_is_about_flags_that_exist() -> None:
    _, _, rest = README.read_text().partition("\n| setting | protects against | does not |\n")
    rows = rest.partition("\n\n")[0].splitlines()[1:]
    assert all(row.count(" | ") == 2 for row in rows)
    flags = {flag.long: flag for flag in SERVE}
    named = {re.split(r"[= ]", name)[0] for row in rows for name in re.findall(r"`(--[^`]+)`", row)}
    assert named - flags.keys() == set()
    # And about all that decide it.
    settings = {name for row in rows for name in re.findall(r"`(--[\w-]+)", row.split(" | ")[0])}
    asked = {name for name, flag in flags.items() if flag.heading == flags["--auth"].heading}
    assert settings == asked - {"--open-metrics"} | {"--host"}
