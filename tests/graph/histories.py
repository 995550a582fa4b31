"""Random histories over a small world of kinds in which everything can refer to everything.

Cycles of owners, names that are taken twice, targets that come late, uids that come back, as the same
or as something else, and changes of one thing alone: all of it.
"""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import strategies as st

from astrolabe.graph.model.facts import Derived, Facts, Peer, Read, Rules
from astrolabe.graph.model.links import Link, Ref, RefByUid, Select
from astrolabe.graph.selector import Requirement, Selector
from astrolabe.graph.state.identity import HelmReleaseName, HelmRevision, Release
from astrolabe.graph.state.status import ERROR, READY, Status

NAMESPACES = ("a", "a", "a", "b")
NAMES = ("x", "y")
UIDS = [f"u{number}" for number in range(6)]
#: What of a resource may change alone.
PARTS = (
    "labels",
    "links",
    "aliases",
    "release",
    "chart",
    "status",
    "details",
    "revision",
    "label_release",
    "made_by",
)
#: HelmReleases of Flux; of the last, only the namespace is known.
MAKERS = (HelmReleaseName("b", "r1"), HelmReleaseName("flux", "r2"), HelmReleaseName("flux", ""))
TYPES = ("owns", "mounts", "uses-secret", "binds")


def _worst(own: Peer, neighborhood: Any) -> Derived:
    """Error when a Pod that it owns or selects is in error; shows their names, and what Ingresses say themselves.

    An Ingress reads what is derived here, so that the two kinds read each other.
    """
    above = sorted(
        (i.status.severity, repr(i.details)) for i in neighborhood.incoming("owns", "Ingress", own=True)
    )
    pods = [*neighborhood.outgoing("owns", "Pod"), *neighborhood.outgoing("selects", "Pod")]
    names = sorted({pod.name for pod in pods})
    bad = sorted(pod.name for pod in pods if pod.status.severity == ERROR)
    status = Status(ERROR, "Pods", ",".join(bad)) if bad else own.status
    extra = {
        key: value for key, value in (("pods", names), ("above", repr(above))) if value and value != "[]"
    }
    return Derived(status=status, metadata=extra or None, details=(own.details, len(bad)))


def _backend(own: Peer, neighborhood: Any) -> Derived:
    services = sorted(
        (s.name, s.status.severity, repr(s.details)) for s in neighborhood.outgoing("owns", "Service")
    )
    origins = [neighborhood.origin(pod) for pod in neighborhood.incoming("mounts", "Pod")]
    tops = sorted(repr((top.status, top.details)) for top in origins if top is not None)
    users = sorted(pod.name for pod in neighborhood.incoming("mounts", "Pod"))
    missing = sorted(link.field for link in neighborhood.unresolved)
    if not users and neighborhood.is_complete("Pod"):
        users = ["nobody"]
    if users and neighborhood.is_outdated("Pod"):
        users.append("once")
    level = ERROR if missing or any(s[1] == ERROR for s in services) else READY
    return Derived(status=Status(level, "Backends", f"{services} {users} {missing} {tops}"))


RULES = (
    Rules(kind="Namespace", api_version="v1", namespaced=False),
    Rules(kind="PersistentVolume", api_version="v1", namespaced=False),
    Rules(kind="Pod", api_version="v1"),
    Rules(
        kind="Service",
        api_version="v1",
        derive=_worst,
        reads=(
            Read("outgoing", "owns", "Pod"),
            Read("outgoing", "selects", "Pod"),
            Read("incoming", "owns", "Ingress", own=True),
        ),
    ),
    Rules(
        kind="Ingress",
        api_version="networking.k8s.io/v1",
        derive=_backend,
        reads=(Read("outgoing", "owns", "Service"), Read("incoming", "mounts", "Pod")),
        inherits=frozenset(("owns", "endpoints")),
    ),
)
#: Of the cluster-scoped kinds, Namespaces refer to nothing.
CLUSTER_SCOPED = ("Namespace", "PersistentVolume")
KINDS = tuple(rules.kind for rules in RULES)

labels = st.dictionaries(st.sampled_from(("app", "helm")), st.sampled_from(("1", "2")))
selectors = st.one_of(
    st.just(Selector()),
    st.builds(
        lambda key, value, operator: Selector((Requirement(key, operator, frozenset((value,))),)),
        st.sampled_from(("app", "helm")),
        st.sampled_from(("1", "2")),
        st.sampled_from(("in", "notin")),
    ),
)
_field = st.sampled_from(("f1", "f2"))


def _links(namespace: str) -> st.SearchStrategy[Link]:
    kind = st.sampled_from(("Pod", "Service", "Ingress", "PersistentVolume"))
    ref = st.builds(
        Ref,
        type=st.sampled_from(TYPES),
        kind=kind,
        namespace=st.sampled_from(NAMESPACES),
        name=st.sampled_from((*NAMES, "default")),
        field=_field,
        optional=st.booleans(),
        reverse=st.booleans(),
        uid=st.sampled_from(("", "", "", *UIDS[:3])),
        owned=st.sampled_from((False, False, True)),
    )
    by_uid = st.builds(
        RefByUid,
        type=st.sampled_from(("owns", "owns", "endpoints")),
        uid=st.sampled_from(UIDS),
        kind=kind,
        namespace=st.just(namespace),
        name=st.sampled_from(NAMES),
        field=_field,
        reverse=st.booleans(),
        optional=st.booleans(),
        group=st.sampled_from((None, "", "net")),
    )
    select = st.builds(
        Select,
        type=st.sampled_from(("selects", "owns")),
        kind=kind,
        namespace=st.just(namespace),
        selector=selectors,
        field=_field,
    )
    return st.one_of(ref, ref, by_uid, by_uid, select).map(_in_its_scope)


def _in_its_scope(link: Link) -> Link:
    return msgspec.structs.replace(link, namespace="") if link.kind in CLUSTER_SCOPED else link


@st.composite
def facts(draw: st.DrawFn) -> Facts:
    kind = draw(
        st.sampled_from(("Pod", "Pod", "Service", "Service", "Ingress", "Namespace", "PersistentVolume"))
    )
    namespace = "" if kind in CLUSTER_SCOPED else draw(st.sampled_from(NAMESPACES))
    own_labels = draw(labels)
    release = draw(st.sampled_from((None, None, "r1", "r2")))
    label_release = draw(st.sampled_from((None, None, "r1", "r2")))
    revision = draw(st.sampled_from((None, None, 1, 2)))
    links = tuple(draw(st.lists(_links(namespace or "a"), min_size=1, max_size=4)))
    if kind == "Namespace":
        links = ()
    level = draw(st.sampled_from((READY, ERROR)))
    return Facts(
        kind=kind,
        uid=draw(st.sampled_from(UIDS)),
        name=draw(st.sampled_from(NAMESPACES if kind == "Namespace" else NAMES)),
        namespace=namespace,
        labels=own_labels,
        status=Status(level, level, draw(st.sampled_from(("", "it is so")))),
        metadata={
            "creationTimestamp": draw(st.sampled_from(("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"))),
            "n": draw(st.integers(0, 2)),
        },
        links=links,
        release=Release(draw(st.sampled_from((namespace, "a", "b"))), release) if release else None,
        label_release=Release(namespace, label_release) if label_release else None,
        made_by=draw(st.sampled_from((None, None, *MAKERS))),
        chart=draw(st.sampled_from(("", "", "c-1"))),
        selectable=own_labels if kind == "Pod" else None,
        aliases=draw(st.sampled_from(((), (), ("default",), NAMES))),
        details=draw(st.sampled_from((None, 1))),
        revision=HelmRevision(
            Release(draw(st.sampled_from(("a", "b", "flux"))), "r1"),
            revision,
            draw(st.sampled_from(("deployed", "uninstalled"))),
        )
        if revision
        else None,
        closure_ends=draw(st.sampled_from((False, False, False, True))),
    )


#: One step of a history: facts to be set, a uid to be removed, a scope to be synced or not, a commit.
steps = st.one_of(
    facts(),
    facts(),
    facts(),
    st.sampled_from(UIDS),
    st.tuples(st.sampled_from(KINDS), st.sampled_from(("", "a")), st.booleans()),
    st.none(),
)


@st.composite
def _changed(draw: st.DrawFn, known: Facts, other: Facts) -> Facts:
    """The other facts altogether, one part of them, or what is known already."""
    part = draw(st.sampled_from(("all", "all", "all", "none", *PARTS)))
    if part == "all":
        return other
    if part == "none":
        return known
    changed = msgspec.structs.replace(known, **{part: getattr(other, part)})
    if part == "labels" and known.kind == "Pod":
        return msgspec.structs.replace(changed, selectable=other.labels)
    return changed


@st.composite
def _histories(draw: st.DrawFn) -> list[Any]:
    history = draw(st.lists(steps, max_size=40))
    known: dict[str, Facts] = {}
    for number, step in enumerate(history):
        if isinstance(step, Facts):
            known[step.uid] = history[number] = draw(_changed(known.get(step.uid, step), step))
    return history


histories = _histories()
roots = st.sampled_from((None, Selector((Requirement("helm", "in", frozenset(("1",))),))))
