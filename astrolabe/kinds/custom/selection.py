"""Which custom kinds are watched, by the words of `--custom-resources`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Literal, NamedTuple

import msgspec

from astrolabe.graph.state.identity import GroupKind
from astrolabe.kinds.custom.definition import Definition
from astrolabe.kinds.custom.noise import NOISE

#: The words that stand alone or come first.
AUTO, NONE, EVERYTHING = "auto", "none", "*"

#: Why a kind is watched or not. auto: all are that are no noise. asked: a word names it. noise: it is known
#: to be noise. left-out: a word leaves it out, or no word names it. limit: it would take too many watches.
Reason = Literal["auto", "asked", "noise", "left-out", "limit"]


class Choice(NamedTuple):
    """watched: whether a kind is watched. about: more on the reason; "" if there is nothing to say."""

    watched: bool
    reason: Reason
    about: str = ""


class SelectionError(ValueError):
    """A value is invalid; the message lists the valid ones."""


class Word(msgspec.Struct, frozen=True):
    """`Certificate.cert-manager.io` in any case or by its plural or short name, `*.cert-manager.io`, `*`.

    text: as given, without a leading `-`, which leaves kinds out. name: "*" for all kinds of the group and of
    the groups below it.
    """

    text: str
    name: str
    group: str
    leaves_out: bool = False

    def means(self, definition: Definition) -> bool:
        """Whether the word is about this kind."""
        if self.name == EVERYTHING:
            return not self.group or definition.group == self.group or _is_below(definition, self.group)
        names = (definition.kind, definition.plural, *definition.short_names)
        return definition.group == self.group and self.name in [name.lower() for name in names]


class Selection(msgspec.Struct, frozen=True):
    """The words, in order: the last one that is about a kind decides.

    auto: whether kinds that no word is about are watched, unless they are noise.
    """

    auto: bool = True
    words: tuple[Word, ...] = ()

    @classmethod
    def of(cls, texts: Iterable[str]) -> Selection:
        """Parse the words. A list that only leaves out, or begins with `auto`, is about `auto`.

        Raises SelectionError.
        """
        given = [text.strip() for text in texts if text.strip()]
        words = tuple(_word(text) for text in given if text.lower() not in (AUTO, NONE))
        plain = {text.lower() for text in given}
        if NONE in plain and len(given) > 1:
            raise SelectionError(f"{NONE} cannot be combined with others")
        auto = AUTO in plain or (not plain & {NONE} and all(word.leaves_out for word in words))
        return cls(auto, words)

    @property
    def is_none(self) -> bool:
        """Whether nothing is watched, so that nothing needs to be discovered."""
        return not self.auto and not self.words

    def choose(self, definition: Definition) -> Choice:
        """Whether this kind is watched, and why."""
        for word in reversed(self.words):
            if word.means(definition):
                text = f"-{word.text}" if word.leaves_out else word.text
                # A star names nobody: that one of them is forbidden is no gap.
                reason: Reason = "left-out" if word.leaves_out else "auto" if word.text == "*" else "asked"
                return Choice(not word.leaves_out, reason, text)
        if not self.auto:
            return Choice(False, "left-out")
        why = next((why for word, why in _noise() if word.means(definition)), "")
        return Choice(False, "noise", why) if why else Choice(True, "auto")


def bounded(
    choices: Mapping[GroupKind, Choice],
    definitions: Mapping[GroupKind, Definition],
    *,
    places: int,
    most: int,
    has_rule: Callable[[GroupKind], bool],
) -> dict[GroupKind, Choice]:
    """The choices within the limit of watches. Kinds that words name come first, then those with a rule.

    places: the namespaces that are watched, each by a watch of its own; 0: all, by one watch.
    """
    found, left = dict(choices), most
    watched = [id for id, choice in choices.items() if choice.watched]
    for id in sorted(watched, key=lambda id: (choices[id].reason != "asked", not has_rule(id), id.key)):
        watches = max(1, places) if definitions[id].namespaced else 1
        if watches <= left:
            left -= watches
        else:
            why = f"custom kinds may have {most:,} watches (--max-custom-watches)"
            found[id] = Choice(False, "limit", why)
    return found


def _is_below(definition: Definition, group: str) -> bool:
    return definition.group.endswith(f".{group}")


def _word(text: str) -> Word:
    """Raises SelectionError."""
    leaves_out, text = text.startswith("-"), text.removeprefix("-")
    name, dot, group = text.lower().partition(".")
    if text == EVERYTHING:
        return Word(text, EVERYTHING, "", leaves_out)
    if not dot or not name or not group or "*" in group or (name != EVERYTHING and "*" in name):
        raise SelectionError(
            f"{text!r} is not one of {AUTO}, {NONE}, *, *.GROUP, KIND.GROUP, "
            "or one of the last three with - before it"
        )
    return Word(text, name, group, leaves_out)


@cache
def _noise() -> tuple[tuple[Word, str], ...]:
    return tuple((_word(text), why) for text, why in NOISE.items())
