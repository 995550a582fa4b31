"""The commands in the documentation."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.documents import ROOT

#: What is not ours, or made.
_FOREIGN = ("node_modules", "dist", "test-results", ".venv")


@dataclass(frozen=True)
class Command:
    """One command. folder: where it is typed. output: what the document shows of its answer; "" for nothing."""

    text: str
    folder: Path
    output: str = ""

    @property
    def words(self) -> list[str]:
        """Without its comment."""
        return shlex.split(self.text, comments=True)

    @property
    def program(self) -> str:
        return Path(self.words[0]).name


@dataclass(frozen=True)
class Block:
    """Commands that stand together, to be typed one after the other. place: file and line."""

    place: str
    commands: tuple[Command, ...]

    @property
    def text(self) -> str:
        """One command a line."""
        return "\n".join(each.text for each in self.commands)


def documents() -> list[Path]:
    """What a reader reads."""
    found = [path for path in ROOT.rglob("*.md") if not set(_FOREIGN) & set(path.relative_to(ROOT).parts)]
    return sorted(path for path in found if not path.relative_to(ROOT).parts[0].startswith("."))


def blocks() -> list[Block]:
    """Of all documents."""
    return [block for path in documents() for block in _blocks(path)]


def files(path: Path) -> dict[str, str]:
    """What a page has its reader save: a block of YAML whose first line is a comment with the name of the file."""
    found = re.findall(r"^```yaml\n# (\S+\.yaml)\n(.*?)^```$", path.read_text(), re.MULTILINE | re.DOTALL)
    return dict(found)


def inline() -> list[Command]:
    """Those in the midst of a sentence."""
    spoken = re.compile(r"`((?:make|kubectl|helm|docker|npm|astrolabe) [^`\n]+)`")
    return [Command(text, path.parent) for path in documents() for text in spoken.findall(path.read_text())]


def _blocks(path: Path) -> Iterator[Block]:
    text = path.read_text()
    for found in re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        place = f"{path.relative_to(ROOT)}:{text.count(chr(10), 0, found.start()) + 1}"
        body = found[2].replace("\\\n", "")
        if found[1] == "sh":
            lines = [line for line in body.splitlines() if line.strip()]
            yield Block(place, tuple(Command(line, path.parent) for line in lines))
        elif body.startswith("$ "):
            command, _, output = body[2:].partition("\n")
            yield Block(place, (Command(command, path.parent, output),))
