"""What the CRDs of the shipped rules' kinds declare: `python -m tests.kinds.custom.schemas FOLDER...` reads them anew.

Of each schema only the names of the properties are kept, of each version that a rule knows: an object is a
mapping, a list has its element in brackets, a map its value under `*`; 0 is a scalar, 1 whatever there may be.
`schemas/README.md` says where they come from.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from astrolabe.kinds.custom.rulebook import RuleBook

FILE = Path(__file__).parent / "schemas" / "schemas.json.gz"
Tree = dict[str, Any] | list[Any] | int


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML with `=` as a text, which is a matcher of AlertmanagerConfig."""


_Loader.add_constructor("tag:yaml.org,2002:value", lambda loader, node: node.value)


def tree_of(schema: Mapping[str, Any]) -> Tree:
    """The names in a schema."""
    if schema.get("x-kubernetes-preserve-unknown-fields"):
        return 1
    if properties := schema.get("properties"):
        return {name: tree_of(each) for name, each in properties.items()}
    if "items" in schema:
        return [tree_of(schema["items"])]
    more = schema.get("additionalProperties")
    if isinstance(more, Mapping):
        return {"*": tree_of(more)}
    return 1 if more is True or schema.get("type") in (None, "object") else 0


def schema_of(tree: Tree) -> dict[str, Any]:
    """A schema with these names."""
    if isinstance(tree, list):
        return {"type": "array", "items": schema_of(tree[0])}
    if isinstance(tree, int):
        return {"x-kubernetes-preserve-unknown-fields": True} if tree else {"type": "string"}
    if set(tree) == {"*"}:
        return {"type": "object", "additionalProperties": schema_of(tree["*"])}
    return {"type": "object", "properties": {name: schema_of(each) for name, each in tree.items()}}


@cache
def schemas() -> dict[str, dict[str, Tree]]:
    """`Kind.group` → version → its tree."""
    found: dict[str, dict[str, Tree]] = json.loads(gzip.decompress(FILE.read_bytes()))
    return found


def _crds(folders: list[str]) -> Iterator[Mapping[str, Any]]:
    for folder in folders:
        for file in sorted([*Path(folder).rglob("*.yaml"), *Path(folder).rglob("*.yml")]):
            text = file.read_text(errors="replace") if file.is_file() else ""
            if "kind: CustomResourceDefinition" not in text:
                continue
            try:
                documents = list(yaml.load_all(text, Loader=_Loader))
            except yaml.YAMLError:
                continue  # a template
            yield from [
                each
                for each in documents
                if isinstance(each, dict) and each.get("kind") == "CustomResourceDefinition"
            ]


def read(folders: list[str]) -> dict[str, dict[str, Tree]]:
    """The trees of all kinds with a rule among the CRDs in these folders; of two the larger."""
    wanted = {f"{rule.id.kind}.{rule.id.group}": rule for rule in RuleBook.shipped()}
    found: dict[str, dict[str, Tree]] = {}
    for crd in _crds(folders):
        spec = crd.get("spec") or {}
        if not spec.get("names"):
            continue  # a patch of one
        name = f"{spec['names']['kind']}.{spec['group']}"
        if name not in wanted:
            continue
        for version in spec["versions"]:
            schema = (version.get("schema") or {}).get("openAPIV3Schema")
            if schema is not None and version["name"] in wanted[name].versions:
                tree, kinds = tree_of(schema), found.setdefault(name, {})
                if len(str(tree)) > len(str(kinds.get(version["name"], ""))):
                    kinds[version["name"]] = tree
    return dict(sorted(found.items()))


if __name__ == "__main__":
    given = read(sys.argv[1:])
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_bytes(gzip.compress(json.dumps(given, separators=(",", ":")).encode(), mtime=0))
    missing = sorted({f"{rule.id.kind}.{rule.id.group}" for rule in RuleBook.shipped()} - given.keys())
    sys.stdout.write(f"{len(given)} kinds, {FILE.stat().st_size} bytes; without: {', '.join(missing)}\n")
