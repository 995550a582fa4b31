"""What `kubectl kustomize` makes of deploy/: as much of Kustomize as is used there.

Where there is a kubectl, a test compares the two.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeAlias

import yaml

Manifest: TypeAlias = dict[str, Any]


def files(folder: Path) -> list[Path]:
    """The files of the resources of a kustomization, in their order, without its patches."""
    found: list[Path] = []
    for resource in _kustomization(folder)["resources"]:
        path = (folder / resource).resolve()
        found += files(path) if path.is_dir() else [path]
    return found


def render(folder: Path) -> list[Manifest]:
    """The manifests of a kustomization, patched."""
    manifests: list[Manifest] = []
    for resource in _kustomization(folder)["resources"]:
        path = (folder / resource).resolve()
        manifests += render(path) if path.is_dir() else documents(path)
    for patch in _kustomization(folder).get("patches", ()):
        for change in documents(folder / patch["path"]):
            manifests = _patched(manifests, change)
    return manifests


def documents(path: Path) -> list[Manifest]:
    """The manifests of a file."""
    return list(yaml.safe_load_all(path.read_text()))


def identity(manifest: Manifest) -> tuple[str, str, str, str]:
    """(apiVersion, kind, namespace, name)."""
    metadata = manifest["metadata"]
    return manifest["apiVersion"], manifest["kind"], metadata.get("namespace", ""), metadata["name"]


def _kustomization(folder: Path) -> Manifest:
    kustomization: Manifest = yaml.safe_load((folder / "kustomization.yaml").read_text())
    unknown = kustomization.keys() - {"apiVersion", "kind", "resources", "patches"}
    if unknown:
        raise ValueError(f"{folder}: {sorted(unknown)} are not understood here")
    return kustomization


def _patched(manifests: list[Manifest], change: Manifest) -> list[Manifest]:
    (target,) = [each for each in manifests if identity(each) == identity(change)]
    if change.get("$patch") == "delete":
        return [each for each in manifests if each is not target]
    return [_merged(each, change) if each is target else each for each in manifests]


def _merged(old: Any, new: Any) -> Any:
    """A strategic merge: lists of named things by their names, other lists as a whole."""
    if isinstance(old, dict) and isinstance(new, dict):
        return old | {key: _merged(old.get(key), value) for key, value in new.items()}
    if isinstance(old, list) and isinstance(new, list) and all("name" in each for each in new):
        by_name = {each["name"]: each for each in old}
        return list(
            (by_name | {each["name"]: _merged(by_name.get(each["name"]), each) for each in new}).values()
        )
    return new
