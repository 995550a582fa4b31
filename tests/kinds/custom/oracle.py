"""Reads rules straight: the YAML as plain values, paths over plain manifests. Slow, and no code of the product.

`references` gives what an object refers to, `sample` an object that has something wherever a rule looks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

RULES = Path(__file__).parents[3] / "astrolabe" / "kinds" / "rules"
Json = dict[str, Any]
#: (edge, kind, namespace, name or selector, reverse); of one by its uid the kind is BY_UID.
Told = tuple[str, str, str, str, bool]

BY_UID = "the uid"

CORE = {
    "Secret": "",
    "ConfigMap": "",
    "Service": "",
    "ServiceAccount": "",
    "PersistentVolumeClaim": "",
    "Pod": "",
    "Node": "",
}
CLUSTER_SCOPED = {"Node", "StorageClass", "CustomResourceDefinition"}
BUILT_IN_GROUPS = {"", "apps", "autoscaling", "networking.k8s.io", "storage.k8s.io", "apiextensions.k8s.io"}
LOWER = {"service": "Service", "ingress": "Ingress"}


def documents() -> Iterator[Json]:
    """Every rule of a kind as plain values; a list of kinds is one rule for each."""
    for file in sorted(RULES.glob("*.yaml")):
        for document in yaml.safe_load_all(file.read_text()):
            kinds = document["kind"] if isinstance(document["kind"], list) else [document["kind"]]
            for kind in kinds:
                yield {**document, "kind": kind}


@cache
def scopes() -> dict[str, bool]:
    """Which kinds with a rule are in namespaces."""
    return {each["kind"]: each.get("scope") != "cluster" for each in documents()}


def key(kind: str, group: str) -> str:
    return kind if group in BUILT_IN_GROUPS else f"{kind}.{group}"


def split(path: str) -> list[str]:
    """`a[].b.*.c` → a, [], b, *, c."""
    return re.findall(r"\*\*\w+|\*|\[[^\]]*\]|[^.\[\]]+", path)


def walk(value: Any, suffix: str) -> Iterator[Any]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if name.endswith(suffix) or name == suffix[0].lower() + suffix[1:]:
                yield inner
            yield from walk(inner, suffix)
    elif isinstance(value, list):
        for inner in value:
            yield from walk(inner, suffix)


def find(value: Any, steps: list[str]) -> Iterator[Any]:
    """Everything at a path."""
    if not steps:
        if value is not None:
            yield value
        return
    step, rest = steps[0], steps[1:]
    if step.startswith("**"):
        for inner in walk(value, step[2:]):
            yield from find(inner, rest)
    elif step == "*":
        for inner in value.values() if isinstance(value, dict) else ():
            yield from find(inner, rest)
    elif step == "[]":
        for inner in value if isinstance(value, list) else ():
            yield from find(inner, rest)
    elif step.startswith("[") and step[1:-1].isdecimal():
        if isinstance(value, list) and len(value) > int(step[1:-1]):
            yield from find(value[int(step[1:-1])], rest)
    elif isinstance(value, dict):
        yield from find(value.get(step.strip("[]")), rest)


def text(value: Any, path: str) -> str | None:
    return next((each for each in find(value, split(path)) if isinstance(each, str)), None) if path else None


def cut(path: str) -> tuple[str, str]:
    """The path to the innermost element, and the rest."""
    at = max([match.end() for match in re.finditer(r"\[\]|(?<=\.)\*\*\w+|(?<=\.)\*(?!\*)", path)], default=0)
    return path[:at], path[at:].lstrip(".")


def references(rule: Json, manifest: Json) -> set[Told]:
    """What an object refers to."""
    found: set[Told] = set()
    known = scopes()
    for reference in rule.get("references") or ():
        if "cluster" in reference:
            continue  # of a cluster alone there is no other one
        if not all(holds(test, manifest) for test in reference.get("when", ())):
            continue
        if "selector" in reference or "labels" in reference:
            found |= set(selections(reference, manifest))
        else:
            found |= set(by_name(rule, reference, manifest, known))
    return found


def holds(test: Json, manifest: Json) -> bool:
    """The few forms of tests that references have."""
    values = list(find(manifest, split(test["field"])))
    if "exists" in test:
        return bool(values) is test["exists"]
    value = values[0] if values else ""
    word = str(value).lower() if isinstance(value, bool) else str(value)
    listed = test.get("is", test.get("not"))
    listed = [str(each) for each in (listed if isinstance(listed, list) else [listed])]
    return (word in listed) is ("is" in test)


def by_name(rule: Json, reference: Json, manifest: Json, known: dict[str, bool]) -> Iterator[Told]:
    at = reference.get("at", "")
    names = reference.get("name", f"{at}.name")
    names = names if isinstance(names, list) else [names]
    first = names[0]
    if "[" not in first and "[]" in reference.get("namespace", ""):
        first = reference["namespace"]
    base, _ = ("", "") if first.startswith("metadata") or "{" in first else cut(first)
    items = list(find(manifest, split(base))) if base else [manifest]

    def value(item: Any, path: str) -> str | None:
        if base and path.startswith(base):
            rest = path[len(base) :].lstrip(".")
            return text(item, rest) if rest else (item if isinstance(item, str) else None)
        return text(manifest, path)

    for item in items:
        if "{" in names[0]:
            name = made(names[0], manifest)
        else:
            name = next((said for path in names if (said := value(item, path))), None)
        if not name or any(
            re.fullmatch(each.replace("*", ".*"), name) for each in reference.get("ignore", ())
        ):
            continue
        part = {
            part: value(item, reference.get(part, f"{at}.{part}" if at else ""))
            for part in ("kind", "group", "apiVersion", "namespace")
        }
        if "uid" in reference and (given := value(item, reference["uid"])):
            if kind_of(reference, part, False):
                yield reference["edge"], BY_UID, "", given, reference.get("reverse", False)
            continue
        if not part["namespace"] and (reference.get("at-home") or not manifest["metadata"].get("namespace")):
            part["namespace"] = reference.get("home")
        if "host" in reference:
            if host := value(item, reference["host"]):
                yield subset(reference, name, host, manifest["metadata"]["namespace"])
            continue
        second = "secondIf" in reference and True in list(
            find(
                item if base and reference["secondIf"].startswith(base) else manifest,
                split(
                    reference["secondIf"][len(base) :]
                    if base and reference["secondIf"].startswith(base)
                    else reference["secondIf"]
                ),
            )
        )
        for kind, group, namespace, plain in unpack(reference, name, part, second):
            yield from placed(rule, reference, manifest, (kind, group), namespace, plain, known)


def made(template: str, manifest: Json) -> str | None:
    """A name that is made of fields, if all are there."""
    parts = {}
    for path in re.findall(r"\{([^}]*)\}", template):
        found = [each for each in find(manifest, split(path)) if isinstance(each, str | int | float)]
        parts[path] = str(found[0]).lower() if found and isinstance(found[0], bool) else str(*found[:1])
    return re.sub(r"\{([^}]*)\}", lambda m: parts[m[1]], template) if all(parts.values()) else None


def subset(reference: Json, name: str, host: str, own: str) -> Told:
    labels = host.split(".")
    if len(labels) == 1:
        host = f"{host}.{own}"
    elif labels[2:3] == ["svc"]:
        host = ".".join(labels[:2])
    return reference["edge"], reference["to"], "", f"subset {name} of {host}", False


def unpack(
    reference: Json, name: str, part: dict[str, str | None], second: bool
) -> Iterator[tuple[str, str, str | None, str]]:
    meant = kind_of(reference, part, second)
    match reference.get("packed"):
        case "flux-inventory":
            namespace, rest = name.split("_", 1)
            rest, kind = rest.rsplit("_", 1)
            plain, group = rest.rsplit("_", 1)
            yield kind, group, f"={namespace}", plain.replace("__", ":")
        case "host":
            labels = name.split(".")
            if len(labels) == 1:
                yield "Service", "", None, name
            elif labels[2:3] == ["svc"]:
                yield "Service", "", f"={labels[1]}", labels[0]
            else:
                yield "ServiceEntry", "networking.istio.io", "=", name
        case "kind/namespace/name":
            kind, namespace, plain = name.split("/")
            yield LOWER[kind], "", f"={namespace}", plain
        case "namespace/name" if "/" in name and meant:
            namespace, plain = name.split("/")
            yield *meant, f"={namespace}", plain
        case _ if meant:
            yield *meant, part["namespace"] or None, name


def kind_of(reference: Json, part: dict[str, str | None], second: bool) -> tuple[str, str] | None:
    to = reference["to"]
    group = part["group"]
    if group is None and part["apiVersion"] is not None:
        group = part["apiVersion"].rpartition("/")[0]
    if to == "any":
        return (part["kind"], group or "") if part["kind"] else None
    ends = [
        tuple(each.split(".", 1)) if "." in each else (each, "")
        for each in (to if isinstance(to, list) else [to])
    ]
    if second:
        return ends[1]
    if not part["kind"]:
        return ends[0]
    for end in ends:
        if end[0] == part["kind"] and group in (None, end[1]):
            return end
    if len(ends) > 1:
        return None
    return (part["kind"], ends[0][1] if group is None else group)


def placed(
    rule: Json,
    reference: Json,
    manifest: Json,
    kind: tuple[str, str],
    namespace: str | None,
    name: str,
    known: dict[str, bool],
) -> Iterator[Told]:
    own = manifest["metadata"].get("namespace", "")
    if kind[1] in BUILT_IN_GROUPS:
        namespaced: bool | None = None
        if kind[0] in {*CORE, "Deployment", "Ingress", "HorizontalPodAutoscaler", *CLUSTER_SCOPED}:
            namespaced = kind[0] not in CLUSTER_SCOPED
    else:
        namespaced = known.get(f"{kind[0]}.{kind[1]}")
    end = (reference["edge"], key(*kind))
    reverse = reference.get("reverse", False)
    if namespace is not None and namespace.startswith("="):
        yield *end, namespace[1:], name, reverse
    elif namespaced is False:
        yield *end, "", name, reverse
    elif namespaced:
        if namespace or own:
            yield *end, namespace or own, name, reverse
    else:
        yield *end, namespace or own, name, reverse
        yield *end, "", name, reverse


def selections(reference: Json, manifest: Json) -> Iterator[Told]:
    own = manifest["metadata"].get("namespace", "")
    given = next(find(manifest, split(reference.get("selector") or reference["labels"])), None)
    if not isinstance(given, dict) or ("labels" in reference and not given):
        return
    labels = given if "labels" in reference else given.get("matchLabels") or {}
    if not isinstance(labels, dict) or not all(isinstance(value, str) for value in labels.values()):
        if "labels" in reference or isinstance(labels, dict):
            return
        labels = {}
    wanted = ",".join(f"{name}={value}" for name, value in sorted(labels.items()))
    says_where = "namespaceSelector" in reference or "namespaceNames" in reference
    places = [own if own or says_where else "*"]
    if reference.get("everywhere"):
        places = ["*"]
    for path in ("namespaceSelector", "namespaceNames"):
        among = next(find(manifest, split(reference.get(path, "none"))), None)
        if isinstance(among, dict) and path == "namespaceSelector":
            inner = among.get("matchLabels") or {}
            if isinstance(inner, dict) and not all(isinstance(value, str) for value in inner.values()):
                continue
            inner = inner if isinstance(inner, dict) else {}
            places = ["*" + ",".join(f"{name}={value}" for name, value in sorted(inner.items()))]
        elif isinstance(among, dict):
            listed = among.get("matchNames")
            named = [each for each in listed if isinstance(each, str)] if isinstance(listed, list) else []
            places = ["*"] if among.get("any") is True else named or [own]
    for kind in reference["to"] if isinstance(reference["to"], list) else [reference["to"]]:
        plain, _, group = kind.partition(".")
        for place in places:
            yield reference["edge"], key(plain, group), place, wanted, False


# An object with something wherever a rule looks


def put(value: Any, steps: list[str], leaf: Any) -> Any:
    """The value with a leaf at a path; what is there stays."""
    if not steps:
        return value if value not in (None, {}, []) else leaf
    step, rest = steps[0], steps[1:]
    if step.startswith("[") and (step == "[]" or step[1:-1].isdecimal()):
        listed = value if isinstance(value, list) else []
        return [put(listed[0] if listed else None, rest, leaf), *listed[1:]]
    named = value if isinstance(value, dict) else {}
    name = {"*": "some"}.get(step, step.strip("[]"))
    if step.startswith("**"):
        name = f"deep{step[2:]}"
    return {**named, name: put(named.get(name), rest, leaf)}


def sample(rule: Json) -> Json:
    """A manifest for a rule."""
    kind, _, group = rule["kind"].partition(".")
    group = "example.com" if group in ("*", "") else group
    version = (rule.get("versions") or ["v1"])[0]
    meta: Json = {"name": "x", "uid": "u-x", "generation": 1, "creationTimestamp": "2026-01-01T00:00:00Z"}
    if rule.get("scope") != "cluster":
        meta["namespace"] = "shop"
    found: Json = {"apiVersion": f"{group}/{version}", "kind": kind, "metadata": meta}
    for at, reference in enumerate(rule.get("references") or ()):
        for path, leaf in wanted_by(reference, f"n{at}"):
            found = put(found, split(path), leaf)
    return found


def wanted_by(reference: Json, name: str) -> Iterator[tuple[str, Any]]:
    if "selector" in reference:
        yield reference["selector"], {"matchLabels": {"app": name}}
        if "namespaceSelector" in reference:
            yield reference["namespaceSelector"], {"matchLabels": {"team": name}}
        if "namespaceNames" in reference:
            yield reference["namespaceNames"], {"matchNames": ["a", "b"]}
        return
    if "labels" in reference:
        yield reference["labels"], {"app": name}
        return
    names = reference.get("name", f"{reference.get('at')}.name")
    path = names if isinstance(names, str) else names[0]
    if "{" in path:
        yield from [(each, name) for each in re.findall(r"\{([^}]*)\}", path)]
        return
    if "[]" in reference.get("namespace", "") and "[" not in path:
        yield reference["namespace"], "other"
    if "host" in reference:
        yield reference["host"], f"host-{name}"
    packed = {
        "flux-inventory": f"shop_{name}_apps_Deployment",
        "kind/namespace/name": f"service/shop/{name}",
        "host": name,
        "namespace/name": f"other/{name}",
    }
    yield path, packed.get(reference.get("packed", ""), name)
    if reference["to"] == "any" and not reference.get("packed"):
        at = reference.get("at", "")
        yield reference.get("kind", f"{at}.kind"), "Thing"
        if "uid" in reference:
            yield reference["uid"], f"u-{name}"
        yield reference.get("group", f"{at}.group"), "things.io"
