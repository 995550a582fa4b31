"""`astrolabe rules`: explains what rules make of objects and kinds, and checks files of rules."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from astrolabe.cli import explain as explaining
from astrolabe.cli import manifests
from astrolabe.cli.schemas import unknown_paths
from astrolabe.graph.state.identity import GroupKind
from astrolabe.kinds.builtin import builtin_kinds
from astrolabe.kinds.custom.parsing import parse_rules
from astrolabe.kinds.custom.rule import KindRule
from astrolabe.kinds.custom.rulebook import RuleBook
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
    explained = map(explainer.explain, manifests.documents(_read(file)))
    if output == "json":
        return (msgspec.json.encode(each).decode() for each in explained)
    return explaining.as_text(explained)


def explain(word: str, directory: str) -> Iterator[str]:
    """What is known of a kind, as lines. Raises RulesFailed."""
    book = _book(directory)
    return explaining.explain_kind(_meant(word, book), book)


def _meant(word: str, book: RuleBook) -> GroupKind:
    name, _, group = word.partition(".")
    known = [rule.id for rule in book] + [kind.id for kind in builtin_kinds()]
    for id in known:
        if name.lower() in (id.kind.lower(), f"{id.kind.lower()}s") and group in ("", id.group):
            return id
    if group and name[:1].isupper():
        return GroupKind(group, name)
    raise RulesFailed(
        f"no rule and no built-in kind is called {word!r}; write Kind.group,"
        " such as Certificate.cert-manager.io"
    )


def check(file: str) -> str:
    """Check a file of rules. Raises RulesFailed."""
    rules = _rules(file)
    _need_groups(rules)
    names = ", ".join([f"{rule.id.kind}.{rule.id.group}" for rule in rules])
    return f"{file}: {len(rules)} {'rule' if len(rules) == 1 else 'rules'} ({names})"


def _need_groups(rules: Iterable[KindRule]) -> None:
    """A name without a group can only be one of Kubernetes' own. Raises RulesFailed."""
    own = {kind.id.kind for kind in builtin_kinds()}
    for rule in rules:
        named = [(rule.line, rule.id)]
        named += [(reference.line, to) for reference in rule.references for to in reference.to]
        for line, id in named:
            if not id.group and id.kind not in own:
                raise RulesFailed(
                    f"{rule.source}:{line}: no kind of Kubernetes' own is called {id.kind!r};"
                    f" write the group of another's with it, such as {id.kind}.example.com"
                )


def _rules(file: str) -> list[KindRule]:
    try:
        return parse_rules(file, _read(file))
    except RuleError as error:
        raise RulesFailed(str(error)) from error


async def check_against_cluster(file: str, settings: Settings) -> list[str]:
    """The paths of the rules that the CRDs of a cluster do not have. Raises RulesFailed and ClusterError."""
    return await unknown_paths(_rules(file), settings)
