"""The rules: those that ship with Astrolabe, and a user's own."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from astrolabe.graph.state.identity import GroupKind


class RuleBook:
    """Rules by kind. It never changes: a directory that changes makes another book."""

    def __init__(self, rules: Mapping[GroupKind, Any] = MappingProxyType({})) -> None:
        self._rules = dict(rules)

    def find(self, kind: GroupKind) -> Any | None:
        """The rule of a kind."""
        return self._rules.get(kind)
