"""Merges several kubeconfigs by the rules of kubectl (client-go `tools/clientcmd/loader.go`).

kubernetes_asyncio merges files differently: its last current-context wins, and it resolves a user's relative
path against the cluster's file.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

#: The lists of named entries, and the key of an entry's content.
SECTIONS = {"clusters": "cluster", "contexts": "context", "users": "user"}

#: Fields that name a file, relative to the kubeconfig that contains them.
_FILES = ("certificate-authority", "client-certificate", "client-key", "tokenFile")
#: Fields whose empty value means that they are unset. In the library, an empty one would win over its
#: counterpart.
_OPTIONAL = (
    *_FILES,
    "certificate-authority-data",
    "client-certificate-data",
    "client-key-data",
    "token",
)


class KubeconfigError(ValueError):
    """The files cannot be merged. The message quotes only names."""


def paths_of(text: str) -> list[str]:
    """The files in `KUBECONFIG=a:b`, with `~` expanded and without empty parts."""
    return [os.path.expanduser(part) for part in text.split(os.pathsep) if part]


def existing(text: str) -> list[str]:
    """Those of `paths_of` that are files."""
    return [path for path in paths_of(text) if os.path.isfile(path)]


def read(paths: Sequence[str]) -> dict[str, Any]:
    """Read and merge these files. May raise anything, see `fault_of`."""
    import yaml  # late: most programs that could read a kubeconfig read none

    return merge([(path, yaml.safe_load(Path(path).read_bytes())) for path in paths])


def fault_of(error: Exception) -> str:
    """What is wrong with the files, for people. It never quotes their content, which may hold a token."""
    mark = getattr(error, "problem_mark", None)
    if mark is not None:
        return f"it is not valid YAML, see line {mark.line + 1}"
    if isinstance(error, KubeconfigError):
        return str(error)
    if isinstance(error, OSError):
        return f"it cannot be read: {error.strerror}"
    return f"it does not have the structure of a kubeconfig ({type(error).__name__})"


def merge(files: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Merge files, each given as its path and its content.

    The first file with an entry wins, and so does the first current-context that is not empty. In the result,
    each entry of a section is a pair of its file and the entry. Raises KubeconfigError, TypeError.
    """
    merged: dict[str, Any] = {section: [] for section in SECTIONS}
    contents = [(path, content) for path, content in files if content is not None]
    if not contents:
        raise KubeconfigError("it is empty")
    known: dict[str, set[str]] = {section: set() for section in SECTIONS}
    for path, content in contents:
        if not isinstance(content, dict):
            raise KubeconfigError(f"{path} is not a mapping of keys to values, as a kubeconfig is")
        if content.get("current-context"):
            merged.setdefault("current-context", content["current-context"])
        for section, key in SECTIONS.items():
            entries = content.get(section) or []
            _verify_distinct(entries, section, path)
            for entry in entries:
                if entry["name"] not in known[section]:
                    merged[section].append((path, _resolve(entry, key, os.path.dirname(path))))
            known[section].update(entry["name"] for entry in entries)
    return merged


def _verify_distinct(entries: Sequence[Mapping[str, Any]], section: str, path: str) -> None:
    names = [entry["name"] for entry in entries]
    twice = sorted({str(name) for name in names if names.count(name) > 1})
    if twice:
        raise KubeconfigError(f"{path} has {', '.join(twice)} twice among its {section}")


def _resolve(entry: dict[str, Any], key: str, folder: str) -> dict[str, Any]:
    """The entry with absolute paths of its files, and without empty or unused fields."""
    content = entry.get(key)
    if not isinstance(content, dict):
        return entry
    content = {name: value for name, value in content.items() if value or name not in _OPTIONAL}
    for name in _FILES:
        if name in content:
            content[name] = os.path.abspath(os.path.join(folder, content[name]))
    if "tokenFile" in content:
        content.pop("token", None)
    plugin = content.get("exec")
    if isinstance(plugin, dict) and os.sep in str(plugin.get("command") or ""):  # else PATH is searched
        content["exec"] = {**plugin, "command": os.path.abspath(os.path.join(folder, plugin["command"]))}
    return {**entry, key: content}


def choose_context(merged: Mapping[str, Any], wanted: str) -> str | None:
    """The wanted context, or the current one if `wanted` is ""; None if there are no contexts.

    Raises KubeconfigError, which lists the contexts.
    """
    names = sorted(str(entry["name"]) for _, entry in merged["contexts"])
    listed = f"the contexts are: {', '.join(names)}" if names else "there are none"
    if wanted and wanted not in names:
        raise KubeconfigError(f"it has no context {wanted!r}; {listed}")
    current = merged.get("current-context")
    if not wanted and current and str(current) not in names:
        raise KubeconfigError(
            f"its current context {str(current)!r} does not exist; choose one with --context, {listed}"
            if names
            else f"its current context {str(current)!r} does not exist, it has no contexts"
        )
    chosen = wanted or current
    if not chosen and names:
        raise KubeconfigError(f"it has no current context; choose one with --context, {listed}")
    return str(chosen) if chosen else None
