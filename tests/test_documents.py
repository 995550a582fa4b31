"""README.md, the guide and deploy/ say what the code says; `make docs` writes it again."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from astrolabe.cli.flags import SERVE
from tests.support.commands import documents
from tests.support.documents import DEPLOY, FILES, GUIDE, README, ROOT, SECTIONS, section

PROSE = [
    README,
    *sorted(GUIDE.glob("*.md")),
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
def test_every_named_file_of_deploy_exists(path: Path) -> None:
    named = re.findall(r"(?<![\w./])(?:deploy|tests)/[\w./-]+", path.read_text())
    made = [name for name in named if name.endswith("/dist")]
    assert [name for name in named if name not in made and not (ROOT / name.rstrip(".")).exists()] == []


def anchors(page: Path) -> set[str]:
    """Where links may lead within a page, as GitHub and the guide make them of its headings."""
    found: list[str] = []
    for heading in re.findall(r"^#+ (.+)$", re.sub(r"(?ms)^```.*?^```$", "", page.read_text()), re.MULTILINE):
        anchor = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        found.append(f"{anchor}-{found.count(anchor)}" if anchor in found else anchor)
    return set(found)


#: Pages that the server makes, as the guide's pages name them.
SERVED = {"../docs", "../openapi.json", "stream-vectors.json", "problem-vectors.json"}


@pytest.mark.parametrize("path", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(path: Path) -> None:
    dead = []
    for link in re.findall(r"\]\(([^)\s]+)\)", path.read_text()):
        if re.match(r"https?://", link) or link in SERVED:
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        if not target.is_file() or (anchor and anchor not in anchors(target)):
            dead.append(link)
    assert dead == []


def test_the_readme_is_short() -> None:
    assert README.read_text().count("\n") <= 220


def test_the_guide_lists_each_of_its_pages_once() -> None:
    listed = re.findall(r"^- \[[^\]]+\]\(([\w-]+\.md)\): ", (GUIDE / "index.md").read_text(), re.MULTILINE)
    assert sorted([*listed, "index.md"]) == sorted(path.name for path in GUIDE.glob("*.md"))


def test_the_table_of_access_modes_names_existing_flags() -> None:
    _, _, rest = (
        (GUIDE / "security.md")
        .read_text()
        .partition("\n| setting | protects against | does not protect against |\n")
    )
    rows = rest.partition("\n\n")[0].splitlines()[1:]
    assert all(row.count(" | ") == 2 for row in rows)
    flags = {flag.long: flag for flag in SERVE}
    named = {re.split(r"[= ]", name)[0] for row in rows for name in re.findall(r"`(--[^`]+)`", row)}
    assert named - flags.keys() == set()
    # And about all that decide it.
    settings = {name for row in rows for name in re.findall(r"`(--[\w-]+)", row.split(" | ")[0])}
    asked = {name for name, flag in flags.items() if flag.heading == flags["--auth"].heading}
    assert settings == asked - {"--open-metrics"} | {"--host"}
