"""What the references of custom resources must be, worked out from manifests and the YAML of rules.

Slow, and by no code of the product: every object is looked at for each reference. See `tests.kinds.custom.oracle`
for how a rule is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from random import Random
from typing import Any

from tests.kinds.custom import oracle
from tests.kinds.custom.oracle import find, holds, put, split

Json = dict[str, Any]
NAMES, NAMESPACES = ("a", "b", "c"), ("shop", "other")
#: (type, uid of the source, uid of the target)
EdgeKey = tuple[str, str, str]
GRANT = "ReferenceGrant.gateway.networking.k8s.io"


class Manifests:
    """All objects of a cluster, by the key of their kind. namespaced: which kinds are in namespaces."""

    def __init__(self, by_kind: Mapping[str, list[Json]], namespaced: Mapping[str, bool]) -> None:
        self.by_kind = by_kind
        self.namespaced = namespaced

    def edges(self, rules: Mapping[str, Json]) -> set[EdgeKey]:
        """All that the references of these kinds make, by the rule of each."""
        # Of a kind without a rule nobody knows the scope when its rule is compiled: it is tried with and without.
        told = oracle.scopes()
        scopes = told | {kind: self.namespaced[kind] for kind in told if kind in self.namespaced}
        return {
            edge
            for kind, rule in rules.items()
            for holder in self.by_kind.get(kind, ())
            for reference in rule.get("references") or ()
            if is_read(reference) and all(holds(test, holder) for test in reference.get("when", ()))
            for edge in self._made_by({**rule, "kind": kind}, reference, holder, scopes)
        }

    def _made_by(
        self, rule: Json, reference: Json, holder: Json, scopes: dict[str, bool]
    ) -> Iterator[EdgeKey]:
        if "selector" in reference or "labels" in reference:
            for edge, kind, place, wanted, _ in oracle.selections(reference, holder):
                for target in self._selected(kind, place, wanted):
                    yield edge, uid(holder), uid(target)
            return
        for edge, kind, own, name, reverse in oracle.by_name(rule, reference, holder, scopes):
            for namespace in self._places(rule, reference, holder) or [own, *reference.get("else-in", ())]:
                target = self._named(kind, namespace, name)
                if target is None:
                    continue
                if reference.get("permit") and not self._permits(rule["kind"], holder, kind, target):
                    continue
                ends = (uid(target), uid(holder)) if reverse else (uid(holder), uid(target))
                yield (edge, *ends)

    def _places(self, rule: Json, reference: Json, holder: Json) -> list[str]:
        """The namespaces of what the holder selects, for a reference that is beside it."""
        return sorted(
            {
                target["metadata"].get("namespace", "")
                for each in rule["references"]
                if "beside" in reference and each["edge"] == reference["beside"]
                if "selector" in each or "labels" in each
                for _, kind, place, wanted, _ in oracle.selections(each, holder)
                for target in self._selected(kind, place, wanted)
            }
        )

    def _named(self, kind: str, namespace: str, name: str) -> Json | None:
        """The object with this name, or with it among its other names; the newest of several."""
        if kind == oracle.BY_UID:
            return next((each for all in self.by_kind.values() for each in all if uid(each) == name), None)
        found = [each for each in self.by_kind.get(kind, ()) if is_named(kind, each, namespace, name)]
        return max(found, key=lambda each: (each["metadata"]["creationTimestamp"], uid(each)), default=None)

    def _permits(self, kind: str, holder: Json, target_kind: str, target: Json) -> bool:
        """Whether they are in one namespace, or the target's has a ReferenceGrant for it."""
        where, own = target["metadata"].get("namespace", ""), holder["metadata"].get("namespace", "")
        if where in ("", own):
            return True
        name, _, group = kind.partition(".")
        who = {"group": group, "kind": name, "namespace": own}
        meant, _, its_group = target_kind.partition(".")
        for grant in self.by_kind.get(GRANT, ()):
            spec = grant.get("spec", {})
            if grant["metadata"].get("namespace") != where or who not in spec.get("from", ()):
                continue
            for to in spec.get("to", ()):
                same = (to.get("group", ""), to["kind"]) == (its_group, meant)
                if same and to.get("name", target["metadata"]["name"]) == target["metadata"]["name"]:
                    return True
        return False

    def _selected(self, kind: str, place: str, wanted: str) -> Iterator[Json]:
        for each in self.by_kind.get(kind, ()):
            namespace = each["metadata"].get("namespace", "")
            if place.startswith("*"):
                spaces = [one for one in self.by_kind["Namespace"] if one["metadata"]["name"] == namespace]
                labels = spaces[0]["metadata"].get("labels") or {} if spaces else {}
                is_there = place == "*" or (bool(spaces) and has(labels, place[1:]))
            else:
                is_there = namespace == place
            if is_there and has(each["metadata"].get("labels") or {}, wanted):
                yield each


def is_read(reference: Json) -> bool:
    """Whether this is a form that is tried here: all but those of which only the controller knows the kind,
    subsets of hosts, which have tests of their own, and what is in other clusters."""
    ends = reference["to"] if isinstance(reference["to"], list) else [reference["to"]]
    is_open = any(end.endswith(".*") for end in ends) or reference.get("packed") == "sibling"
    return not is_open and "host" not in reference and "cluster" not in reference


def uid(manifest: Json) -> str:
    found: str = manifest["metadata"]["uid"]
    return found


def has(labels: Mapping[str, str], wanted: str) -> bool:
    """Whether these labels have all of `a=b,c=d`."""
    return all(
        labels.get(pair.partition("=")[0]) == pair.partition("=")[2] for pair in wanted.split(",") if pair
    )


@cache
def _rules() -> dict[str, Json]:
    return {document["kind"]: document for document in oracle.documents()}


def rule_of(kind: str) -> Json:
    """The rule of a kind: its own, that of its name in any group, or that of all kinds."""
    rules = _rules()
    return rules.get(kind) or rules.get(f"{kind.partition('.')[0]}.*") or rules["*"]


def is_named(kind: str, manifest: Json, namespace: str, name: str) -> bool:
    """Whether references from this namespace find it under this name."""
    rule, meta = rule_of(kind) if "." in kind else {}, manifest["metadata"]
    if meta["name"] == name and meta.get("namespace", "") == namespace:
        return True
    if "hosts" in rule and not namespace:
        return name in list(find(manifest, split(rule["hosts"])))
    if "aliases" in rule and meta.get("namespace", "") == namespace:
        return name in list(find(manifest, split(rule["aliases"])))
    return False


class Writer:
    """Writes custom resources that refer to others, whatever their rules look at.

    kinds: (kind, group) of all that may be referred to.
    """

    def __init__(self, random: Random, kinds: Sequence[tuple[str, str]]) -> None:
        self._random = random
        self._kinds = kinds

    def name(self) -> str:
        return self._random.choice(NAMES)

    def body(self, kind: str) -> Json:
        """All of an object but its metadata, and the labels by which it refers."""
        if kind == GRANT:
            return self._grant()
        found: Json = {}
        for reference in rule_of(kind).get("references") or ():
            for _ in range(self._random.choice((0, 0, 1, 1, 2))):
                part: Json = {}
                for path, leaf in self._leaves(reference):
                    part = put(part, split(path), leaf)
                found = merged(found, part)
        return found

    def _grant(self) -> Json:
        holders = ("Gateway", "HTTPRoute", "GRPCRoute")
        who = {"group": "gateway.networking.k8s.io", "namespace": self._random.choice(NAMESPACES)}
        to = {"group": "", "kind": self._random.choice(("Secret", "Service"))}
        if self._random.random() < 0.5:
            to["name"] = self.name()
        return {"spec": {"from": [{**who, "kind": each} for each in holders], "to": [to]}}

    def _leaves(self, reference: Json) -> Iterator[tuple[str, Any]]:
        if "selector" in reference or "labels" in reference:
            yield from self._selection(reference)
            return
        if not is_read(reference):
            return
        at, to = reference.get("at", ""), reference["to"]
        meant = [tuple(each.partition(".")[::2]) for each in (to if isinstance(to, list) else [to])]
        kind, group = self._random.choice(self._kinds if to == "any" else meant)
        names = reference.get("name", f"{at}.name")
        name = names if isinstance(names, str) else self._random.choice(names)
        for path in re.findall(r"\{([^}]*)\}", name) or [name]:
            yield path, self._packed(reference.get("packed", ""), kind, group)
        told = {
            "kind": kind,
            "group": group,
            "apiVersion": f"{group}/v1" if group else "v1",
            "namespace": self._random.choice(NAMESPACES),
        }
        says_kind = to == "any" or self._random.random() < 0.7
        for part, leaf in told.items():
            path = reference.get(part, f"{at}.{part}" if at else "")
            if path and (says_kind if part != "namespace" else self._random.random() < 0.5):
                yield path, leaf
        if "secondIf" in reference and self._random.random() < 0.5:
            yield reference["secondIf"], True
        if "uid" in reference and self._random.random() < 0.3:
            yield reference["uid"], "of-what-is-gone"

    def _packed(self, packing: str, kind: str, group: str) -> str:
        name, namespace = self.name(), self._random.choice(NAMESPACES)
        match packing:
            case "flux-inventory":
                return f"{namespace}_{name}_{group}_{kind}"
            case "kind/namespace/name":
                return f"service/{namespace}/{name}"
            case "host":
                hosts = (name, f"{name}.{namespace}.svc.cluster.local", f"{name}.example.com")
                return self._random.choice(hosts)
            case "namespace/name":
                return self._random.choice((name, f"{namespace}/{name}"))
        return name

    def _selection(self, reference: Json) -> Iterator[tuple[str, Any]]:
        labels = {"app": self.name()}
        if "labels" in reference:
            yield reference["labels"], labels
            return
        yield (
            reference["selector"],
            self._random.choice(({"matchLabels": labels}, {"matchLabels": labels}, {})),
        )
        if "namespaceSelector" in reference and self._random.random() < 0.6:
            team = {"matchLabels": {"team": self.name()}}
            yield reference["namespaceSelector"], self._random.choice((team, {}))
        if "namespaceNames" in reference and self._random.random() < 0.6:
            some = {"matchNames": [self._random.choice(NAMESPACES)]}
            yield reference["namespaceNames"], self._random.choice((some, {"any": True}))


def merged(one: Any, other: Any) -> Any:
    """Both, with what is in the lists of either."""
    if isinstance(one, dict) and isinstance(other, dict):
        return {name: merged(one.get(name), other.get(name)) for name in one | other}
    if isinstance(one, list) and isinstance(other, list):
        return [*one, *other]
    return other if one is None else one
