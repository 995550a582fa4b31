"""The other names of a custom resource: the references that it permits, and its hosts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from astrolabe.kinds.common import no_aliases
from astrolabe.kinds.custom.packed import subset
from astrolabe.kinds.custom.paths import Key, Path
from astrolabe.kinds.custom.projection import ProjectionOf
from astrolabe.kinds.custom.rule import KindRule, Subsets

#: Aliases of one object.
MOST_ALIASES = 1_000

_HOLDER = ("group", "kind", "namespace")
_TARGET = ("group", "kind", "name")


def paths_of(rule: KindRule) -> list[Path]:
    """The paths that are read for them."""
    found: list[Path] = [rule.aliases] if rule.aliases else []
    if rule.permits is not None:
        found += [(*rule.permits.holders, Key(name)) for name in _HOLDER]
        found += [(*rule.permits.targets, Key(name)) for name in _TARGET]
    if rule.subsets is not None:
        found += [rule.subsets.host, rule.subsets.names]
    return found


def compile_aliases(rule: KindRule, projection: ProjectionOf) -> Callable[[Any], tuple[str, ...]]:
    """Reads them all, each once."""
    if rule.permits is not None:
        return _permits(rule.permits.holders, rule.permits.targets, projection)
    if rule.subsets is not None:
        return _subsets(rule.subsets, projection)
    if not rule.aliases:
        return no_aliases
    items = projection.items(rule.aliases)

    def aliases(manifest: Any) -> tuple[str, ...]:
        found = dict.fromkeys([value for value, _ in items(manifest) if isinstance(value, str) and value])
        return tuple(found)[:MOST_ALIASES]

    return aliases


def _subsets(subsets: Subsets, projection: ProjectionOf) -> Callable[[Any], tuple[str, ...]]:
    """One name for each subset; see `packed.subset`."""
    read_host, names = projection.scalar(subsets.host), projection.items(subsets.names)

    def aliases(manifest: Any) -> tuple[str, ...]:
        host = read_host(manifest)
        if not isinstance(host, str):
            return ()
        namespace = manifest.metadata.namespace
        found = [subset(host, name, namespace) for name, _ in names(manifest) if isinstance(name, str)]
        return tuple(dict.fromkeys(found))[:MOST_ALIASES]

    return aliases


def _permits(holders: Path, targets: Path, projection: ProjectionOf) -> Callable[[Any], tuple[str, ...]]:
    """One name for each permitted pair of source and target; see `packed.permit`."""
    all_holders, all_targets = projection.items(holders), projection.items(targets)
    holder_fields = [projection.scalar_below(holders, (Key(name),)) for name in _HOLDER]
    target_fields = [projection.scalar_below(targets, (Key(name),)) for name in _TARGET]

    def aliases(manifest: Any) -> tuple[str, ...]:
        subjects = [
            "/".join([str(read(item) or "") for read in holder_fields]) for item, _ in all_holders(manifest)
        ]
        found: dict[str, None] = {}
        for item, _ in all_targets(manifest):
            group, kind, name = [str(read(item) or "") for read in target_fields]
            for subject in subjects:
                found[f"{subject}>{group}/{kind}/{name or '*'}"] = None
        return tuple(found)[:MOST_ALIASES]

    return aliases
