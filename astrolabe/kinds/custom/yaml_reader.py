"""YAML with line numbers, read strictly: every error says where it is, what is wrong and what to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

import yaml

#: The one in C is ten times as fast, and is in every wheel of PyYAML.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

#: Bytes of one file, and levels of nesting.
LARGEST_FILE = 1024 * 1024
DEEPEST = 20


class RuleError(ValueError):
    """A file that is no rule; the message begins with file and line."""

    def __init__(self, source: str, line: int, why: str) -> None:
        super().__init__(f"{source}:{line}: {why}")
        self.source = source
        self.line = line
        self.why = why


class Reader:
    """One node of a file."""

    def __init__(self, source: str, node: yaml.Node, what: str) -> None:
        """what: the node's name in messages."""
        self.source = source
        self.node = node
        self.what = what

    @property
    def line(self) -> int:
        return int(self.node.start_mark.line) + 1

    def error(self, why: str) -> RuleError:
        return RuleError(self.source, self.line, why)

    @property
    def is_text(self) -> bool:
        return isinstance(self.node, yaml.ScalarNode)

    @property
    def is_list(self) -> bool:
        return isinstance(self.node, yaml.SequenceNode)

    @property
    def is_absent(self) -> bool:
        # A quoted value is a text.
        return (
            isinstance(self.node, yaml.ScalarNode)
            and not self.node.style
            and self.node.value in ("", "null", "~")
        )

    def text(self) -> str:
        """The text as it is written: true is "true"."""
        if not isinstance(self.node, yaml.ScalarNode):
            raise self.error(f"{self.what} must be a text, not {_shape(self.node)}")
        if self.is_absent:
            raise self.error(f"{self.what} is empty; give it a value or leave it out")
        return str(self.node.value)

    def word(self, choices: tuple[str, ...]) -> str:
        """One of these texts."""
        text = self.text()
        if text not in choices:
            raise self.error(f"{self.what} cannot be {text!r}{_suggestion(text, choices)}")
        return text

    def flag(self) -> bool:
        return self.word(("true", "false")) == "true"

    def number(self) -> float:
        text = self.text()
        try:
            return float(text)
        except ValueError:
            raise self.error(f"{self.what} must be a number, not {text!r}") from None

    def items(self) -> Iterator[Reader]:
        """The elements of a list."""
        if not isinstance(self.node, yaml.SequenceNode):
            raise self.error(f"{self.what} must be a list ([...]), not {_shape(self.node)}")
        for child in self.node.value:
            yield Reader(self.source, child, f"an element of {self.what}")

    def texts(self) -> tuple[str, ...]:
        """A text, or a list of texts."""
        return (self.text(),) if self.is_text else tuple(item.text() for item in self.items())

    def fields(self, known: tuple[str, ...] | None = None) -> Mapping[str, Reader]:
        """The entries of a mapping. Each key must be known."""
        if not isinstance(self.node, yaml.MappingNode):
            raise self.error(f"{self.what} must be a mapping (key: value), not {_shape(self.node)}")
        found: dict[str, Reader] = {}
        for key_node, value_node in self.node.value:
            key = Reader(self.source, key_node, f"a key of {self.what}").text()
            here = Reader(self.source, value_node, key)
            if key in found:
                raise RuleError(self.source, key_node.start_mark.line + 1, f"{key!r} is twice in {self.what}")
            if known is not None and key not in known:
                raise RuleError(
                    self.source,
                    key_node.start_mark.line + 1,
                    f"{self.what} has no key {key!r}{_suggestion(key, known)}",
                )
            found[key] = here
        return found


def documents(source: str, content: str | bytes) -> list[Reader]:
    """The documents of a file; empty ones are left out. Raises RuleError."""
    if len(content) > LARGEST_FILE:
        raise RuleError(source, 1, f"the file is larger than {LARGEST_FILE // 1024} KiB; split it")
    try:
        nodes = list(yaml.compose_all(content, Loader=_LOADER))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        why = f"not YAML: {error.problem}; a path with [], * or {{}} must be in quotes"
        raise RuleError(source, mark.line + 1 if mark else 1, why) from error
    except (yaml.YAMLError, UnicodeError, RecursionError) as error:
        raise RuleError(source, 1, f"not YAML: {' '.join(str(error).split())}") from error
    found = [Reader(source, node, "the rule") for node in nodes if node is not None]
    for document in found:
        _refuse_aliases(document, document.node, set(), 0)
    return [document for document in found if not document.is_absent]


def _refuse_aliases(document: Reader, node: yaml.Node, seen: set[int], depth: int) -> None:
    # An alias is the same node again: it could make a small file endless.
    if id(node) in seen:
        raise RuleError(
            document.source,
            node.start_mark.line + 1,
            "YAML aliases (*name) are not read; write the value out",
        )
    if depth > DEEPEST:
        raise RuleError(document.source, node.start_mark.line + 1, f"nested deeper than {DEEPEST} levels")
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            _refuse_aliases(document, key, seen, depth + 1)
            _refuse_aliases(document, value, seen, depth + 1)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _refuse_aliases(document, value, seen, depth + 1)


def _shape(node: yaml.Node) -> str:
    if isinstance(node, yaml.MappingNode):
        return "a mapping"
    return "a list" if isinstance(node, yaml.SequenceNode) else f"the text {node.value!r}"


#: What other tools call some keys.
_SYNONYMS = {"path": "field", "equals": "is", "value": "is", "values": "is", "status": "is", "in": "is"}


def _suggestion(word: str, known: tuple[str, ...]) -> str:
    near = get_close_matches(word, known, n=1)
    if _SYNONYMS.get(word) in known:
        near = [_SYNONYMS[word]]
    listed = ", ".join(known)
    return f"; did you mean {near[0]!r}? It can be: {listed}" if near else f"; it can be: {listed}"
