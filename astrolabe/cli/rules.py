"""`astrolabe rules`: explains what rules make of objects and kinds, and checks files of rules."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from itertools import chain
from pathlib import Path

import msgspec

from astrolabe.cli import explain as explaining
from astrolabe.cli import manifests
from astrolabe.cli.schemas import unknown_paths
from astrolabe.graph.state.identity import GroupKind
from astrolabe.kinds.builtin import builtin_kinds
from astrolabe.kinds.custom.parsing import parse_rules
from astrolabe.kinds.custom.rule import KindRule
from astrolabe.kinds.custom.rulebook import SUFFIXES, RuleBook
from astrolabe.kinds.custom.yaml_reader import RuleError
from astrolabe.settings import Settings


class RulesFailed(Exception):
    """A file cannot be read or is refused; the message says why."""


def _book(directory: str) -> RuleBook:
    if not directory:
        return RuleBook.shipped()
    loaded = RuleBook.load(directory)
    if loaded.errors:
        raise RulesFailed("; ".join(map(str, loaded.errors)))
    return loaded.book


def _read(file: str) -> str:
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except OSError as error:
        raise RulesFailed(f"cannot read {file}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise RulesFailed(f"cannot read {file}: it is no UTF-8 text") from error


def explain_objects(file: str, directory: str, output: str) -> Iterable[str]:
    """What becomes of the manifests of a file, as lines. Raises RulesFailed."""
    explainer = explaining.Explainer(_book(directory))
    objects = manifests.documents(_read(file))
    if output == "json":
        return (msgspec.json.encode(explainer.explain(each)).decode() for each in objects)
    first = next(objects, None)
    if first is None:
        raise RulesFailed(f"{'the standard input' if file == '-' else file} has no object")
    return explaining.as_text(map(explainer.explain, chain([first], objects)))


def explain(word: str, directory: str) -> Iterator[str]:
    """What is known about a kind, as lines. Raises RulesFailed."""
    book = _book(directory)
    return explaining.explain_kind(_meant(word, book), book)


def _meant(word: str, book: RuleBook) -> GroupKind:
    name, _, group = word.partition(".")
    known = [rule.id for rule in book] + [kind.id for kind in builtin_kinds()]
    for id in known:
        if name.lower() in (id.kind.lower(), plural_of(id.kind)) and group in ("", id.group):
            return id
    for kind in builtin_kinds():
        if name.lower() in (kind.plural, *kind.short_names) and group in ("", kind.group):
            return kind.id
    if group and name[:1].isupper():
        return GroupKind(group, name)
    names = {id.kind.lower(): id.key for id in known if group in ("", id.group)}
    near = get_close_matches(name.lower(), names, n=1, cutoff=0.75)
    hint = (
        f"did you mean {names[near[0]]}?" if near else "write Kind.group, such as Certificate.cert-manager.io"
    )
    raise RulesFailed(f"no rule and no built-in kind is called {word!r}; {hint}")


def plural_of(kind: str) -> str:
    """The usual plural of a kind: `clusterpolicies`, `ingresses`. A definition may say another one."""
    word = kind.lower()
    if word.endswith("y") and word[-2:-1] not in "aeiou":
        return f"{word[:-1]}ies"
    return f"{word}es" if word.endswith(("s", "x", "ch", "sh")) else f"{word}s"


def check(path: str) -> list[str]:
    """Check a file of rules, or those of a directory. A line for each file. Raises RulesFailed."""
    found: list[str] = []
    refused: list[str] = []
    seen: dict[GroupKind, KindRule] = {}
    for file in _files(path):
        try:
            rules = _rules(file)
            _need_names(rules)
            _need_one_each(rules, seen)
        except RulesFailed as error:
            refused.append(str(error))
            continue
        names = ", ".join(map(_name, rules))
        found.append(f"{file}: {len(rules)} {'rule' if len(rules) == 1 else 'rules'} ({names})")
    if refused:
        raise RulesFailed("\n".join(refused))
    return found


def _files(path: str) -> list[str]:
    """The files that a directory is read from, or the file itself. Raises RulesFailed."""
    if path == "-" or not Path(path).is_dir():
        return [path]
    try:
        found = [
            str(each) for each in sorted(Path(path).iterdir()) if each.suffix in SUFFIXES and each.is_file()
        ]
    except OSError as error:
        raise RulesFailed(f"cannot read {path}: {error.strerror or error}") from error
    if not found:
        raise RulesFailed(f"{path} has no rules: none of its files ends with {' or '.join(SUFFIXES)}")
    return found


def _name(rule: KindRule) -> str:
    return f"{rule.id.kind}.{rule.id.group}" if rule.id.group else rule.id.kind


def _need_one_each(rules: Iterable[KindRule], seen: dict[GroupKind, KindRule]) -> None:
    """Of two rules of a kind in different files only the later counts. Raises RulesFailed."""
    for rule in rules:
        other = seen.setdefault(rule.id, rule)
        if other is not rule:
            raise RulesFailed(
                f"{rule.source}:{rule.line}: {_name(rule)} has a rule at {other.source}:{other.line}, too;"
                " put them together"
            )


def _need_names(rules: Iterable[KindRule]) -> None:
    """A name without a group can only be one of Kubernetes' own, which have no rules. Raises RulesFailed."""
    own = {kind.id.kind for kind in builtin_kinds()}
    ids = {kind.id for kind in builtin_kinds()}
    for rule in rules:
        named = [(rule.line, rule.id)]
        named += [(reference.line, to) for reference in rule.references for to in reference.to]
        for line, id in named:
            if not id.group and id.kind not in own:
                raise RulesFailed(
                    f"{rule.source}:{line}: no kind of Kubernetes' own is called {id.kind!r};"
                    f" write the group of another's with it, such as {id.kind}.example.com"
                )
        if rule.id in ids:
            raise RulesFailed(
                f"{rule.source}:{rule.line}: {_name(rule)} is built in, and needs no rule;"
                " rules are for custom resources"
            )


def _rules(file: str) -> list[KindRule]:
    try:
        return parse_rules(file, _read(file))
    except RuleError as error:
        raise RulesFailed(str(error)) from error


async def check_against_cluster(path: str, settings: Settings) -> list[str]:
    """The paths of the rules that the CRDs of a cluster do not have. Raises RulesFailed and ClusterError."""
    rules = [rule for file in _files(path) for rule in _rules(file)]
    return await unknown_paths(rules, settings)
