"""The rules: those that ship with Astrolabe, and a user's own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from astrolabe.graph.state.identity import OWN_GROUPS, GroupKind
from astrolabe.kinds.builtin import builtin_kinds
from astrolabe.kinds.custom.parsing import parse_rules
from astrolabe.kinds.custom.parsing_parts import ANY
from astrolabe.kinds.custom.rule import KindRule
from astrolabe.kinds.custom.yaml_reader import LARGEST_FILE, RuleError

#: Files of one directory.
MOST_FILES = 1_000
SUFFIXES = (".yaml", ".yml")


class Loaded(NamedTuple):
    """What a directory has. errors: of its files that are refused, each with file, line and reason."""

    book: RuleBook
    errors: tuple[RuleError, ...]


class RuleBook:
    """Rules by kind. It never changes: a directory that changes makes another book."""

    def __init__(
        self,
        rules: Iterable[KindRule] = (),
        homes: Mapping[str, str] | None = None,
        *,
        several: bool = False,
    ) -> None:
        """any: the references that every kind without a rule may have.

        rules: a later one of the same kind replaces an earlier one. homes: of namespaces where controllers
        look for what objects in no namespace refer to, those that have another name here. several: whether
        the rules are for one of several clusters, whose objects may refer to those of another.
        """
        self.several = several
        self.homes: Mapping[str, str] = homes or {}
        self._rules = {rule.id: rule for rule in rules}
        self.any = self._rules.get(ANY) or KindRule(id=ANY)
        self._scopes: Mapping[GroupKind, bool] = {
            **{kind.id: kind.namespaced for kind in builtin_kinds()},
            **{rule.id: not rule.cluster_scoped for rule in self._rules.values()},
        }
        self._selected = frozenset(
            kind
            for rule in self._rules.values()
            for reference in rule.references
            if reference.select is not None
            for kind in reference.to
        )

    def __iter__(self) -> Iterator[KindRule]:
        return iter(self._rules.values())

    def __len__(self) -> int:
        return len(self._rules)

    def find(self, kind: GroupKind) -> KindRule | None:
        """The rule of a kind, else that of all kinds of this name."""
        if kind.group in OWN_GROUPS:
            return self._rules.get(kind)
        return self._rules.get(kind) or self._rules.get(GroupKind("*", kind.kind))

    def is_namespaced(self, kind: GroupKind) -> bool | None:
        """Whether the objects of a kind are in namespaces; None if nobody says."""
        return self._scopes.get(kind)

    def is_selected(self, kind: GroupKind) -> bool:
        """Whether any rule selects objects of this kind by their labels."""
        return kind in self._selected

    @property
    def groups(self) -> tuple[str, ...]:
        """The API groups that it has rules for."""
        return tuple(sorted({rule.id.group for rule in self}))

    @classmethod
    def shipped(cls, homes: Mapping[str, str] | None = None, *, several: bool = False) -> RuleBook:
        """The rules that ship. homes, several: see `__init__`."""
        return cls(_shipped(), homes, several=several) if homes or several else _shipped()

    @classmethod
    def load(cls, directory: str, before: RuleBook | None = None) -> Loaded:
        """The rules that ship, and over them those of a directory.

        before: the book until now. Of a file that is refused its rules stay as they were. Raises nothing: a
        directory that cannot be read is an error, too.
        """
        homes = before.homes if before is not None else {}
        several = before is not None and before.several
        rules: list[KindRule] = []
        errors: list[RuleError] = []
        try:
            paths = sorted(
                path for path in Path(directory).iterdir() if path.suffix in SUFFIXES and path.is_file()
            )
        except OSError as error:
            rules += [rule for rule in before or () if rule.source.startswith(directory)]
            return Loaded(
                cls([*_shipped(), *rules], homes, several=several), (_unreadable(directory, error),)
            )
        for path in paths[:MOST_FILES]:
            try:
                rules += parse_rules(str(path), _read(path))
            except RuleError as error:
                errors.append(error)
                rules += [rule for rule in before or () if rule.source == str(path)]
        if len(paths) > MOST_FILES:
            errors.append(RuleError(directory, 1, f"has more than {MOST_FILES} files; put rules together"))
        return Loaded(cls([*_shipped(), *rules], homes, several=several), tuple(errors))


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise _unreadable(str(path), error) from error


def _unreadable(path: str, error: OSError) -> RuleError:
    if isinstance(error, NotADirectoryError):
        return RuleError(path, 1, "is a file; name the folder that it is in, all of whose rules are read")
    return RuleError(path, 1, f"cannot be read: {error.strerror or error}")


@cache
def _shipped() -> RuleBook:
    folder = files("astrolabe.kinds") / "rules"
    rules: list[KindRule] = []
    for file in sorted(folder.iterdir(), key=lambda each: each.name) if folder.is_dir() else ():
        if file.name.endswith(SUFFIXES):
            rules += parse_rules(f"astrolabe/kinds/rules/{file.name}", file.read_bytes())
    return RuleBook(rules)
