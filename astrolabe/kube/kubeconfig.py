"""Several kubeconfigs as one, by the rules of kubectl (client-go `tools/clientcmd/loader.go`).

kubernetes_asyncio merges files too, but otherwise: the last current-context wins there, and a relative path
of a user is taken from the cluster's file.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

#: The lists of named entries, and under which key an entry has its content.
SECTIONS = {"clusters": "cluster", "contexts": "context", "users": "user"}

#: Fields that name a file: relative to the kubeconfig that they stand in.
_FILES = ("certificate-authority", "client-certificate", "client-key", "tokenFile")
#: Fields for which an empty value is none. For a library an empty one would win over its counterpart.
_OPTIONAL = (
    *_FILES,
    "certificate-authority-data",
    "client-certificate-data",
    "client-key-data",
    "token",
)


class KubeconfigError(ValueError):
    """The files do not go together; the message quotes nothing but names."""


def paths_of(text: str) -> list[str]:
    """The files that `KUBECONFIG=a:b` names, with `~` expanded; empty parts name none."""
    return [os.path.expanduser(part) for part in text.split(os.pathsep) if part]


def merge(files: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """What these files say together; each is a path and what it holds.

    The first file that has an entry wins, with the whole entry; so does the first current-context that is not
    empty. Each entry of a section is a pair of its file and itself. Raises KubeconfigError, TypeError.
    """
    merged: dict[str, Any] = {section: [] for section in SECTIONS}
    contents = [(path, content) for path, content in files if content is not None]
    if not contents:
        raise TypeError("no file holds anything")
    known: dict[str, set[str]] = {section: set() for section in SECTIONS}
    for path, content in contents:
        if not isinstance(content, dict):
            raise TypeError(f"{path} is no mapping")
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
    """The entry with its files as absolute paths, and without what is empty or is not used."""
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
    if isinstance(plugin, dict) and os.sep in str(plugin.get("command") or ""):  # else it is sought in PATH
        content["exec"] = {**plugin, "command": os.path.abspath(os.path.join(folder, plugin["command"]))}
    return {**entry, key: content}


def choose_context(merged: Mapping[str, Any], wanted: str) -> str | None:
    """The context to use: the one that is wanted, or ("") the current one; None when there is nothing to
    choose from. Raises KubeconfigError, which names those that there are."""
    names = sorted(str(entry["name"]) for _, entry in merged["contexts"])
    listed = f"the contexts are: {', '.join(names)}" if names else "there are none"
    if wanted and wanted not in names:
        raise KubeconfigError(f"there is no context {wanted!r}; {listed}")
    chosen = wanted or merged.get("current-context")
    if not chosen and names:
        raise KubeconfigError(f"no context is current; choose one with --context, {listed}")
    return str(chosen) if chosen else None
