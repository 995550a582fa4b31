"""What README.md and deploy/ take from the code, and `make docs`, which writes it there again."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from astrolabe.cli.flags import SERVE
from astrolabe.kinds.kind import Kind
from astrolabe.kinds.table import KINDS

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
MAKEFILE = ROOT / "Makefile"
DEPLOYMENT = ROOT / "deploy" / "deployment.yaml"


def rules() -> list[dict[str, list[str]]]:
    """The rules of the ClusterRole: one an API group, in the order of the table."""
    groups: dict[str, list[str]] = {}
    for kind in KINDS:
        groups.setdefault(kind.group, []).append(kind.plural)
    return [
        {"apiGroups": [group], "resources": plurals, "verbs": ["list", "watch"]}
        for group, plurals in groups.items()
    ]


def rules_yaml() -> str:
    """`rules` as the lines of a YAML list, two columns in."""
    lines = []
    for rule in rules():
        lines += [f'  - apiGroups: ["{rule["apiGroups"][0]}"]', "    resources:"]
        lines += [f"      - {plural}" for plural in rule["resources"]]
        lines.append("    verbs: [list, watch]")
    return "\n".join(lines)


def flags_table() -> str:
    """The flags that serve, as a table of Markdown."""
    lines = ["| flag | default | environment | |", "| --- | --- | --- | --- |"]
    for flag in SERVE:
        default = f"`{flag.shown}`" if flag.shown else ""
        lines.append(f"| `{flag.long}` | {default} | `{flag.envvar}` | {flag.help} |")
    return "\n".join(lines)


def kinds_table() -> str:
    """The kinds, as a table of Markdown."""
    lines = ["| kind | API | edges that it tells of | |", "| --- | --- | --- | --- |"]
    lines += [f"| {kind.name} | `{kind.api_version}` | {_edges(kind)} | {_notes(kind)} |" for kind in KINDS]
    return "\n".join(lines)


def targets_table() -> str:
    """What `make` does, as a table of Markdown."""
    lines = ["| command | |", "| --- | --- |"]
    targets = re.findall(r"^([a-z-]+):.*?## (.*)$", MAKEFILE.read_text(), re.MULTILINE)
    lines += [f"| `make {target}` | {text} |" for target, text in targets]
    return "\n".join(lines)


def _edges(kind: Kind[Any]) -> str:
    types: dict[str, list[str]] = {}
    for type, other in kind.makes:
        types.setdefault(type, []).append(other)
    return "; ".join(f"`{type}` {_ends(others)}" for type, others in types.items())


def _ends(kinds: list[str]) -> str:
    return "any kind" if len(kinds) >= len(KINDS) - 1 else ", ".join(kinds)


def _notes(kind: Kind[Any]) -> str:
    notes = {
        "cluster-scoped": not kind.namespaced,
        "metadata only": kind.metadata_only,
        "optional": kind.optional,
    }
    return ", ".join(note for note, holds in notes.items() if holds)


#: (file, name of the section, what stands in it).
SECTIONS: tuple[tuple[Path, str, Callable[[], str]], ...] = (
    (README, "flags", flags_table),
    (README, "kinds", kinds_table),
    (README, "targets", targets_table),
    (DEPLOYMENT, "rules", rules_yaml),
)


def section(text: str, name: str) -> re.Match[str]:
    """The lines between the one that begins with the mark `name` and the one that has `/name`."""
    found = re.search(
        rf"(?ms)(?<=^)([ ]*(?:<!--|#) {name}\b[^\n]*\n)(.*?)\n?([ ]*(?:<!--|#) /{name}\b)", text
    )
    if found is None:
        raise ValueError(f"there is no section {name!r}")
    return found


def write() -> None:
    """Bring all sections up to date."""
    for path, name, content in SECTIONS:
        text = path.read_text()
        old = section(text, name)
        path.write_text(f"{text[: old.start(2)]}{content()}\n{text[old.start(3) :]}")


if __name__ == "__main__":
    write()
