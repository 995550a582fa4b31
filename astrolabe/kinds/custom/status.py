"""Compiles the status part of a rule into closures: what runs for an object has no interpreter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from astrolabe.graph.state.status import ERROR, PENDING, READY, UNKNOWN, Status
from astrolabe.kinds.custom import paused, words
from astrolabe.kinds.custom.attribute_readers import SCALARS
from astrolabe.kinds.custom.conditions import (
    LenientCondition,
    is_stale,
    not_true,
    number,
    status_of,
)
from astrolabe.kinds.custom.finding import (
    Finder,
    Hit,
    condition_matcher,
    tests_paths,
    tests_wholes,
    types_of,
    word_of,
)
from astrolabe.kinds.custom.paths import Path, last_many, parse, show
from astrolabe.kinds.custom.projection import ProjectionOf
from astrolabe.kinds.custom.rule import MessageTemplate, StatusRule, Test
from astrolabe.kinds.custom.verdict import NOT_JUDGED, Verdict, pending, unknown

_SEVERITIES = {"error": ERROR, "pending": PENDING, "unknown": UNKNOWN, "paused": PENDING, "static": READY}


Judge = Callable[[Any], Verdict]
Step = Callable[[Any], Verdict | None]
Say = Callable[[Any], str]


def wholes_of(rule: StatusRule) -> dict[Path, Any]:
    """What the rule reads as a whole: its lists of conditions."""
    found: dict[Path, Any] = {}
    for tests in _all_tests(rule):
        found |= tests_wholes(tests)
    return found


def paths_of(rule: StatusRule) -> list[Path]:
    """The other paths that it reads."""
    found = [rule.observed, *(paused.PATHS if rule.paused is None else ())]
    for tests in _all_tests(rule):
        found += tests_paths(tests)
    return [path for path in found if path]


def _all_tests(rule: StatusRule) -> tuple[Sequence[Test], ...]:
    return (rule.static, _paused_tests(rule), rule.error, rule.pending, rule.unknown, rule.ready)


#: The conditions with which many kinds say that a person has stopped their controller.
_PAUSED = (Test(conditions=("Paused", "ReconciliationPaused"), within=parse("status.conditions")),)


def _paused_tests(rule: StatusRule) -> Sequence[Test]:
    return _PAUSED if rule.paused is None else rule.paused


def compile_status(
    rule: StatusRule, projection: ProjectionOf, *, generic: Judge | None, has_status: Callable[[Any], bool]
) -> Judge:
    """The status of an object that is not being deleted. generic: what all kinds have in common,
    if that may decide.
    """
    compiler = _Compiler(projection)
    observed = _observed(rule, projection)
    steps: list[Step] = [observed] if observed is not None else []
    if rule.paused is None:
        steps.append(paused.step(projection))
    steps += [compiler.step(test, "paused") for test in _paused_tests(rule)]
    steps += [compiler.step(test, "static") for test in rule.static]
    absent = None if rule.absent == "ready" else _absent(rule, has_status)
    if absent is not None and not rule.by_references:
        steps.append(absent)
    for name in ("error", "pending", "unknown"):
        steps += [compiler.step(test, name) for test in getattr(rule, name)]
    if rule.absent == "ready":
        steps.append(lambda manifest: None if has_status(manifest) else _FINE)
    if rule.ready:
        steps.append(compiler.ready(rule.ready))
    last = _otherwise(rule, generic)

    def judge(manifest: Any) -> Verdict:
        for step in steps:
            verdict = step(manifest)
            if verdict is not None:
                return verdict
        return last(manifest)

    return judge


def _observed(rule: StatusRule, projection: ProjectionOf) -> Step | None:
    if not rule.observed:
        return None
    read, where = projection.scalar(rule.observed), show(rule.observed)

    def step(manifest: Any) -> Verdict | None:
        observed = read(manifest)
        if observed is None:
            return None
        seen = number(observed)
        if seen is not None and seen < manifest.metadata.generation:
            return pending("Progressing", "Waiting for the controller to see the latest change", by=where)
        return None

    return step


def _absent(rule: StatusRule, has_status: Callable[[Any], bool]) -> Step:
    verdict = (
        pending("NoStatus", "Its controller has not written a status yet", by="status")
        if rule.absent == "pending"
        else unknown("NoStatus", "It has no status", by="status")
    )
    return lambda manifest: None if has_status(manifest) else verdict


def _otherwise(rule: StatusRule, generic: Judge | None) -> Judge:
    if rule.by_references:
        seen = unknown(NOT_JUDGED, "It is judged by what it refers to", by="")
        return lambda manifest: seen
    verdicts = {
        "ready": _FINE,
        "pending": pending("Pending", "Nothing in its status says that it is done yet", by=""),
        "error": Verdict(Status(ERROR, "Error", "Nothing in its status says that it works"), ""),
        "unknown": unknown("Unknown", "Nothing in its status says whether it works", by=""),
    }
    last: Judge = (
        generic
        if generic is not None and rule.otherwise == "generic"
        else (lambda manifest: verdicts[rule.otherwise])
    )
    return last


class _Compiler:
    """Compiles the steps of one rule."""

    def __init__(self, projection: ProjectionOf) -> None:
        self._projection = projection
        self._finder = Finder(projection)

    def step(self, test: Test, name: str) -> Step:
        severity, word = _SEVERITIES[name], test.word or ("Paused" if name == "paused" else "")
        if self._finder.is_plain(test) and test.message is None:
            return self._plain_step(test, severity, word)
        find = self._finder.find(test)
        say = self._say(test.message) if test.message is not None else None

        def step(manifest: Any) -> Verdict | None:
            hit = find(manifest)
            if hit is None:
                return None
            condition = hit.condition
            if condition is not None and is_stale(condition, manifest.metadata.generation):
                return _stale(hit)
            said = say(manifest) if say is not None else ""
            return Verdict(_status(severity, hit, word, said), hit.where)

        return step

    def _plain_step(self, test: Test, severity: str, word: str) -> Step:
        """The usual one, without what others need: a condition of the object itself."""
        read, where = self._projection.whole(test.within), show(test.within)
        types, holds = types_of(test), condition_matcher(test)

        def step(manifest: Any) -> Verdict | None:
            conditions = read(manifest)
            if type(conditions) is not list:
                return None
            for each in conditions:
                if type(each) is LenientCondition and each.at_type in types and holds(each):
                    if is_stale(each, manifest.metadata.generation):
                        return _stale(Hit(f"{where}[{each.name}]"))
                    return Verdict(status_of(severity, each, word), f"{where}[{each.name}]")
            return None

        return step

    def ready(self, tests: Sequence[Test]) -> Step:
        """All must hold; the worst that does not decides."""
        checks = [self._ready_check(test) for test in tests]
        if len(checks) == 1:
            return _but_fine(checks[0])

        def step(manifest: Any) -> Verdict | None:
            good: Verdict | None = None
            worst: Verdict | None = None
            undecided = False
            for check in checks:
                verdict = check(manifest)
                if verdict is None:
                    undecided = True
                elif verdict is _FINE:
                    continue  # it may be absent, and says nothing
                elif verdict.status.severity == READY:
                    good = good or verdict
                else:
                    worst = _worse(worst, verdict)
            return worst or (None if undecided else good)

        return step

    def _ready_check(self, test: Test) -> Callable[[Any], Verdict | None]:
        """Ready if it holds, another verdict if it says why not, None if it says nothing."""
        say = self._say(test.message)
        if not test.conditions or test.is_value or test.is_not or test.reason or test.not_reason:
            find = self._finder.find(test)
            optional = test.optional

            def check(manifest: Any) -> Verdict | None:
                hit = find(manifest)
                if hit is None:
                    return _FINE if optional else None
                return Verdict(_status(READY, hit, test.word, say(manifest)), hit.where)

            return check
        return self._condition_check(test, say)

    def _condition_check(self, test: Test, say: Say) -> Callable[[Any], Verdict | None]:
        each, types = self._finder.each_list(test), test.conditions
        of_parts = bool(last_many(test.within)) and not test.optional
        nothing_yet = pending(
            f"No{types[0]}",
            f"Its controller has not said yet whether it is {types[0]}",
            by=f"{show(test.within)}[{types[0]}]",
        )

        def check(manifest: Any) -> Verdict | None:
            good: Verdict | None = None
            worst: Verdict | None = None
            for conditions, where, label in each(manifest):
                is_said = False
                for condition in conditions:
                    if type(condition) is not LenientCondition or condition.at_type not in types:
                        continue
                    is_said = True
                    if is_stale(condition, manifest.metadata.generation):
                        verdict = _stale(Hit(where + f"[{condition.name}]"))
                    elif condition.value != "True":
                        verdict = _labelled(not_true(condition, where), label)
                    else:
                        if good is None:
                            hit = Hit(f"{where}[{condition.name}]", condition)
                            good = Verdict(_status(READY, hit, test.word, say(manifest)), hit.where)
                        continue
                    worst = _worse(worst, verdict)
                if of_parts and not is_said:
                    worst = _worse(worst, _labelled(nothing_yet, label))
            if worst is not None or good is not None:
                return worst or good
            if test.optional:
                return _FINE
            return nothing_yet

        return check

    def _say(self, template: MessageTemplate | None) -> Say:
        if template is None:
            return _nothing
        say = self._each(template) if template.each else self._one(template)
        if template.instead is None:
            return say
        instead = self._say(template.instead)
        return lambda manifest: say(manifest) or instead(manifest)

    def _one(self, template: MessageTemplate) -> Say:
        texts = template.texts
        readers = [_message_reader(path, self._projection) for path in template.paths]

        def say(manifest: Any) -> str:
            return _filled(texts, [read(manifest) for read in readers])

        return say

    def _each(self, template: MessageTemplate) -> Say:
        """Of each of some elements, one after the other."""
        items = self._projection.items(template.each)
        texts = template.texts
        readers = [self._projection.scalar_below(template.each, path) for path in template.paths]

        def say(manifest: Any) -> str:
            found = list(dict.fromkeys(of_one(item) for item, _ in items(manifest)))
            return _listed([each for each in found if each], "; ")

        def of_one(item: Any) -> str:
            return _filled(texts, [word_of(read(item)) for read in readers])

        return say


def _filled(texts: Sequence[str], words_between: Sequence[str]) -> str:
    said = texts[0]
    for word, after in zip(words_between, texts[1:], strict=True):
        said += word + after
    return said.strip().rstrip(":")  # what was to be quoted may be absent


def _listed(found: Sequence[str], between: str) -> str:
    more = f" and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
    return between.join(found[:_MOST_NAMED]) + more


#: That a test says nothing against it.
_FINE = Verdict(Status(READY, "Ready"), "")


def _but_fine(check: Step) -> Step:
    """The only one that must hold: it decides, unless it may be absent and is."""

    def step(manifest: Any) -> Verdict | None:
        verdict = check(manifest)
        return None if verdict is _FINE else verdict

    return step


#: Of a message that is made of several elements: how many of them it names.
_MOST_NAMED = 5


def _nothing(_: Any) -> str:
    return ""


def _message_reader(path: Path, projection: ProjectionOf) -> Say:
    if not last_many(path):
        read = projection.scalar(path)
        return lambda manifest: word_of(read(manifest))
    items = projection.items(path)

    def several(manifest: Any) -> str:
        found = [word_of(value) for value, _ in items(manifest) if isinstance(value, SCALARS)]
        return _listed(found, ", ")

    return several


def _stale(hit: Hit) -> Verdict:
    return pending(
        "Progressing",
        "Waiting for the controller to see the latest change",
        by=f"{hit.where}.observedGeneration",
    )


def _worse(worst: Verdict | None, verdict: Verdict) -> Verdict:
    """The worse of two that are not Ready; the first of equals."""
    if worst is None or (worst.status.severity != ERROR and verdict.status.severity == ERROR):
        return verdict
    return worst


def _labelled(verdict: Verdict, label: str) -> Verdict:
    status = verdict.status
    if not label:
        return verdict
    return Verdict(
        Status(status.severity, status.reason, f"{label}: {status.message or status.reason}", status.since),
        verdict.decided_by,
    )


def _status(severity: str, hit: Hit, word: str, said: str) -> Status:
    if hit.condition is not None:
        status = status_of(severity, hit.condition, word)
        if not (said or hit.label):
            return status
        message = said or status.message
        if hit.label:
            own = status.reason if not word else status_of(severity, hit.condition).reason
            message = f"{hit.label}: {message or own}"
        return Status(severity, status.reason, message, status.since)
    value = hit.value
    reason = word or words.reason_of(value, hit.where, severity)
    if not said and isinstance(value, str) and " " in value.strip():
        said = value
    if not said and word == "Paused":
        said = f"Paused by {hit.where}"
    return Status(severity, reason, said)
