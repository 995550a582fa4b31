"""How often the status of a custom resource is what Argo CD's rule of its kind says; `make scores` prints it."""

from __future__ import annotations

import gzip
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from astrolabe.cli.explain import Explained, Explainer
from astrolabe.cli.manifests import Document
from astrolabe.kinds.custom.rulebook import RuleBook

CASES = Path(__file__).parent / "cases" / "health.jsonl.gz"

_MEANS = {
    "Healthy": ("Ready",),
    "Progressing": ("Pending",),
    "Missing": ("Pending",),
    "Degraded": ("Error",),
    "Suspended": ("Ready", "Pending"),
    "Unknown": ("Unknown",),
}
_STOPPED = ("Paused", "Suspended")


class Case(NamedTuple):
    kind: str
    name: str
    expected: str
    object: dict[str, Any]

    @property
    def group(self) -> str:
        return self.kind.partition("/")[0]


class Outcome(NamedTuple):
    """What became of a case. false_ready: it is said to be Ready, and is not."""

    case: Case
    said: Explained

    @property
    def equal(self) -> bool:
        if self.said.status not in _MEANS[self.case.expected]:
            return False
        return self.case.expected != "Suspended" or self.said.reason in _STOPPED

    @property
    def false_ready(self) -> bool:
        return self.said.status == "Ready" and not self.equal


class Score(NamedTuple):
    cases: int
    equal: int
    false_ready: int

    @property
    def text(self) -> str:
        return f"{self.equal / self.cases:.0%}" if self.cases else ""


@cache
def cases() -> tuple[Case, ...]:
    found = [msgspec.json.decode(line) for line in gzip.decompress(CASES.read_bytes()).splitlines()]
    return tuple([Case(each["kind"], each["case"], each["expected"], each["object"]) for each in found])


@cache
def outcomes(*, with_rules: bool) -> tuple[Outcome, ...]:
    """Of every case, by the rules that ship or by what all kinds have in common."""
    explainer = Explainer(RuleBook.shipped() if with_rules else RuleBook())
    return tuple([Outcome(case, explainer.explain(Document(1, case.object))) for case in cases()])


def score(found: Iterable[Outcome]) -> Score:
    listed = list(found)
    return Score(len(listed), sum(each.equal for each in listed), sum(each.false_ready for each in listed))


def groups() -> list[str]:
    return sorted({case.group for case in cases()})


def scores_table() -> str:
    """The table of the guide."""
    without, ruled = (
        outcomes(with_rules=False),
        [each for each in outcomes(with_rules=True) if each.said.rule],
    )
    rows = ["| group | cases | equal without a rule | false Ready | equal with its rule | false Ready |"]
    rows.append("| --- | --- | --- | --- | --- | --- |")
    for group in groups():
        rows.append(
            _row(
                group,
                [e for e in without if e.case.group == group],
                [e for e in ruled if e.case.group == group],
            )
        )
    rows.append(_row("**all**", list(without), ruled))
    return "\n".join(rows)


def _row(name: str, without: list[Outcome], ruled: list[Outcome]) -> str:
    plain, special = score(without), score(ruled)
    cells = [name, plain.cases, plain.text, plain.false_ready]
    cells += [special.text, special.false_ready] if special.cases else ["", ""]
    return f"| {' | '.join(map(str, cells))} |"


def differences() -> Iterator[str]:
    """What is not equal, one per line."""
    for label, found in (("rule", outcomes(with_rules=True)), ("none", outcomes(with_rules=False))):
        for each in found:
            if each.equal or (label == "rule" and not each.said.rule):
                continue
            mark = "FALSE READY" if each.false_ready else ""
            said = f"{each.said.status} {each.said.reason} by {each.said.decided_by}"
            yield f"{label}  {each.case.kind} {each.case.name}: {each.case.expected}, not {said} {mark}".rstrip()


if __name__ == "__main__":
    sys.stdout.write("\n".join([*differences(), "", scores_table(), ""]))
