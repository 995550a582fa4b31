"""To which release each resource belongs, and which revisions are of which release, in any order of arrival."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from astrolabe.graph.model.facts import Facts, Rules
from astrolabe.graph.model.links import Ref, RefByUid
from astrolabe.graph.model.model import Model
from astrolabe.graph.selector import Selector, equality
from astrolabe.graph.state.edge_types import ENDPOINTS, OWNS
from astrolabe.graph.state.identity import HelmReleaseName, HelmRevision, Release
from astrolabe.graph.state.status import READY, Status

KINDS = {
    "Deployment": True,
    "Pod": True,
    "Service": True,
    "Secret": True,
    "Node": False,
    "ClusterRole": False,
}
RULES = [
    *[Rules(kind, "v1", namespaced=namespaced) for kind, namespaced in KINDS.items()],
    Rules("EndpointSlice", "v1", inherits=frozenset((OWNS, ENDPOINTS))),
]
HELM = {"managed": "Helm"}


def made(kind: str, name: str, namespace: str = "shop", *, owner: str = "", **said: Any) -> Facts:
    """owner: the uid of one; a uid is a name. helm, label: the release in `namespace/name`."""
    links: list[Any] = said.pop("links", [])
    if owner:
        links = [RefByUid(OWNS, owner, "Deployment", namespace, owner, "owner", reverse=True), *links]
    helm, label = said.pop("helm", ""), said.pop("label", "")
    return Facts(
        kind,
        name,
        name,
        namespace if KINDS.get(kind, True) else "",
        said.pop("labels", {}),
        Status(READY, "Ready"),
        {},
        links=tuple(links),
        release=release(helm) if helm else None,
        label_release=release(label) if label else None,
        **said,
    )


def release(text: str) -> Release:
    namespace, _, name = text.partition("/")
    return Release(namespace, name)


def kept(name: str, number: int, where: str, status: str = "deployed") -> Facts:
    """A Secret of Helm."""
    return made(
        "Secret",
        f"{where}-{name}-{number}",
        where,
        revision=HelmRevision(Release(where, name), number, status),
    )


def settled(*facts: Facts) -> tuple[dict[str, str], dict[str, tuple[int, str]]]:
    """The release of each resource, and the newest revision of each, as `namespace/name`; always the same."""
    results = []
    for order in permutations(facts):
        for at_once in (True, False):
            model = Model(RULES)
            changed: dict[Release, HelmRevision | None] = {}
            for each in order:
                model.upsert(each)
                if not at_once:
                    changed |= model.commit().releases
            changed |= model.commit().releases
            belongs = {
                n.uid: f"{n.release_namespace}/{n.release}" if n.release else "" for n in model.nodes()
            }
            newest = model.releases()
            assert newest == {of: revision for of, revision in changed.items() if revision is not None}
            assert all(revision.release == of for of, revision in newest.items())
            revisions = {f"{of.namespace}/{of.name}": (r.revision, r.status) for of, r in newest.items()}
            results.append((dict(sorted(belongs.items())), revisions))
    assert all(result == results[0] for result in results)
    return results[0]


def test_an_owners_annotation_outranks_own_labels() -> None:
    """A chart puts a workload into another namespace; its Pods have the labels of the template."""
    belongs, _ = settled(
        made("Deployment", "web", "agents", helm="monitoring/kps", label="agents/kps"),
        made("Pod", "web-1", "agents", owner="web", label="agents/kps"),
        made("Service", "dns", "kube-system", helm="monitoring/kps"),
        made("EndpointSlice", "dns-x", "kube-system", label="kube-system/kps", links=[
            Ref(ENDPOINTS, "Service", "kube-system", "dns", "label", reverse=True)
        ]),
    )  # fmt: skip
    assert set(belongs.values()) == {"monitoring/kps"}


def test_the_own_annotation_outranks_that_of_an_owner() -> None:
    """Of an operator that installs releases itself."""
    belongs, _ = settled(
        made("Deployment", "operator", helm="shop/operator"),
        made("Deployment", "made", owner="operator", helm="shop/made"),
    )
    assert belongs == {"made": "shop/made", "operator": "shop/operator"}


def test_the_nearest_annotation_counts_then_own_labels_then_the_nearest_labels() -> None:
    belongs, _ = settled(
        made("Deployment", "top", helm="shop/top"),
        made("Deployment", "middle", owner="top", label="shop/other"),
        made("Pod", "below", owner="middle"),
        made("Deployment", "labelled", label="shop/labelled"),
        made("Pod", "own", owner="labelled", label="shop/own"),
    )
    assert belongs == {
        "below": "shop/top",
        "labelled": "shop/labelled",
        "middle": "shop/top",
        "own": "shop/own",
        "top": "shop/top",
    }


def test_a_cluster_scoped_object_with_labels_belongs_to_the_only_release_of_that_name() -> None:
    role = made("ClusterRole", "role", label="/kps")
    assert settled(role, made("Pod", "web", helm="monitoring/kps"))[0]["role"] == "monitoring/kps"
    assert settled(role, kept("kps", 1, "monitoring"))[0]["role"] == "monitoring/kps"
    assert settled(role)[0]["role"] == ""
    two = [made("Pod", "one", helm="a/kps"), made("Pod", "two", helm="b/kps")]
    assert settled(role, *two)[0]["role"] == ""
    # A label that lost to an annotation names no release, nor does what an uninstalled one left.
    lost = [
        made("Deployment", "web", "agents", helm="monitoring/kps"),
        made("Pod", "web-1", "agents", owner="web", label="agents/kps"),
    ]
    assert settled(role, *lost)[0]["role"] == "monitoring/kps"
    gone = [made("Pod", "one", helm="a/kps"), kept("kps", 9, "b", "uninstalled")]
    assert settled(role, *gone)[0]["role"] == "a/kps"
    # Nor do labels that something copied to another namespace.
    copied = made("Pod", "copy", "b", label="b/kps")
    assert settled(role, copied, made("Pod", "one", helm="a/kps"))[0]["role"] == "a/kps"
    assert settled(role, copied, kept("kps", 1, "a"))[0]["role"] == "a/kps"
    assert settled(role, copied)[0]["role"] == "b/kps"


def test_objects_owned_by_a_cluster_scoped_object_inherit_its_release() -> None:
    role = made("ClusterRole", "role", label="/kps")
    pod = made("Pod", "web", owner="role")
    belongs, _ = settled(role, pod, made("Pod", "one", helm="a/kps"))
    assert belongs == {"one": "a/kps", "role": "a/kps", "web": "a/kps"}


def test_releases_follow_changes() -> None:
    model = Model(RULES)
    model.upsert(made("ClusterRole", "role", label="/kps"))
    model.upsert(made("Pod", "one", helm="a/kps"))
    model.commit()
    assert model.node("role").release_namespace == "a"  # type: ignore[union-attr]
    model.upsert(made("Pod", "two", helm="b/kps"))
    assert [node.uid for node in model.commit().nodes_set if not node.release] == ["role"]
    model.remove("one")
    assert [node.release_namespace for node in model.commit().nodes_set] == ["b"]
    model.upsert(made("Pod", "two"))
    model.remove("role")
    model.commit()
    assert not model._release_index._names, "nothing is left of what is gone"


def test_the_newest_revision_counts() -> None:
    _, revisions = settled(kept("web", 4, "shop"), kept("web", 5, "shop", "failed"), kept("web", 10, "other"))
    assert revisions == {"shop/web": (5, "failed"), "other/web": (10, "deployed")}


def test_flux_keeps_revisions_where_its_helm_release_is() -> None:
    """By `targetNamespace`; another release of the same name, at home, stays what it is."""
    _, revisions = settled(
        made("Pod", "web", helm="shop/web", made_by=HelmReleaseName("flux-system", "web")),
        made("Pod", "other", "other", helm="other/web"),
        kept("web", 5, "flux-system", "failed"),
        kept("web", 2, "other"),
    )
    assert revisions == {"shop/web": (5, "failed"), "other/web": (2, "deployed")}


def test_flux_keeps_revisions_in_its_storage_namespace() -> None:
    """By `storageNamespace`, which nothing of the release names."""
    _, revisions = settled(
        made("Pod", "web", helm="shop/web", made_by=HelmReleaseName("flux-system", "web")),
        kept("web", 5, "storage"),
    )
    assert revisions == {"shop/web": (5, "deployed")}


WEB = HelmReleaseName("flux-system", "web")


def test_an_object_labelled_by_flux_joins_the_release_of_annotated_objects() -> None:
    """As the definitions of a chart, which Flux applies itself; and whatever these own."""
    objects = [
        made("ClusterRole", "crd", made_by=WEB),
        made("Deployment", "hook", "other", made_by=WEB, label="other/shop-web"),
        made("Pod", "of-hook", "other", owner="hook", label="other/copied"),
        made("Pod", "applied", helm="shop/shop-web", made_by=WEB),
    ]
    belongs, revisions = settled(*objects, kept("shop-web", 3, "flux-system"))
    assert belongs.pop("flux-system-shop-web-3") == ""
    assert belongs == dict.fromkeys(("crd", "hook", "of-hook", "applied"), "shop/shop-web")
    assert revisions == {"shop/shop-web": (3, "deployed")}


@pytest.mark.parametrize(
    ("objects", "expected"),
    [
        # Without a target namespace, it is called as the HelmRelease, and is where that is.
        ([made("Pod", "one", "flux-system", made_by=WEB)], "flux-system/web"),
        ([made("ClusterRole", "one", made_by=WEB)], "flux-system/web"),
        # With one, it is there; its revisions tell how it is called.
        ([made("Pod", "one", made_by=WEB)], "shop/web"),
        ([made("Pod", "one", made_by=WEB), kept("web", 5, "flux-system")], "shop/web"),
        ([made("Pod", "one", made_by=WEB), kept("shop-web", 5, "flux-system")], "shop/shop-web"),
        ([made("Pod", "one", made_by=WEB), kept("shop-web", 5, "elsewhere")], "shop/web"),
        # Or the labels of its chart do; most objects are in the namespace of the release.
        ([made("Pod", "one", made_by=WEB, label="shop/front")], "shop/front"),
        (
            [
                made("Pod", "one", made_by=WEB),
                made("Pod", "two", made_by=WEB),
                made("Pod", "far", "kube-system", made_by=WEB, label="kube-system/web"),
            ],
            "shop/web",
        ),
    ],
)
def test_a_release_known_by_flux_labels_only(objects: list[Facts], expected: str) -> None:
    belongs, revisions = settled(*objects)
    assert set(belongs.values()) <= {expected, ""}
    assert belongs["one"] == expected
    assert revisions.keys() <= {expected, "elsewhere/shop-web"}


def test_objects_labelled_by_flux_follow_annotated_objects() -> None:
    model = Model(RULES)
    model.upsert(made("ClusterRole", "crd", made_by=WEB))
    model.commit()
    model.upsert(made("Pod", "one", helm="shop/front", made_by=WEB))
    assert {node.uid: node.release for node in model.commit().nodes_set} == {"crd": "front", "one": "front"}
    model.remove("one")
    assert {node.uid: node.release for node in model.commit().nodes_set} == {"crd": "web"}
    model.remove("crd")
    model.commit()
    index = model._release_index
    assert [index._names, index._flux._known, index._flux._makers, index._flux._seeking] == [{}, {}, {}, {}]


def test_ambiguous_revisions_stay_in_their_namespace() -> None:
    flux = [
        made("Pod", "one", helm="a/web", made_by=HelmReleaseName("flux-system", "web")),
        made("Pod", "two", helm="b/web", made_by=HelmReleaseName("flux-system", "web")),
    ]
    assert settled(*flux, kept("web", 5, "flux-system"))[1] == {"flux-system/web": (5, "deployed")}
    # Helm itself keeps none elsewhere: this is another release, of which nothing else can be seen.
    assert settled(made("Pod", "web", helm="shop/web"), kept("web", 5, "a"))[1] == {"a/web": (5, "deployed")}


def test_an_owner_is_in_the_same_namespace_or_cluster_scoped() -> None:
    """As Kubernetes' garbage collector has it: any other does not exist, even if there is one of that uid."""
    facts = [
        made("Deployment", "own"),
        made("Node", "node"),
        made("Pod", "near", owner="own"),
        made("Pod", "far", "other", owner="own"),
        made("Pod", "on-node", "other", owner="node"),
        made("ClusterRole", "wide", owner="own"),
        made("ClusterRole", "below-node", owner="node"),
    ]
    for order in (facts, facts[::-1]):
        model = Model(RULES)
        model.set_synced("Deployment", "", True)
        for each in order:
            model.upsert(each)
        changes = model.commit()
        assert sorted(edge.key[1:] for edge in changes.edges_set) == [
            ("node", "below-node"),
            ("node", "on-node"),
            ("own", "near"),
        ]
        assert sorted(node.uid for node in changes.nodes_set if node.unresolved) == ["far", "wide"]


@pytest.mark.parametrize("ends", [True, False])
def test_the_closure_stops_at_kinds_that_end_it(ends: bool) -> None:
    roots: Selector = equality(HELM)
    facts = [
        made("Pod", "root", labels=HELM, links=[Ref("runs-on", "Node", "", "node", "spec.nodeName")]),
        made("Node", "node", closure_ends=ends),
        made("Pod", "static", owner="node"),
    ]
    for order in permutations(facts):
        model = Model(RULES, roots=roots)
        for each in order:
            model.upsert(each)
        reached = {node.uid for node in model.commit().nodes_set}
        assert reached == ({"root", "node"} if ends else {"root", "node", "static"})
        model.upsert(made("Node", "node", closure_ends=not ends))
        changes = model.commit()
        assert [n.uid for n in changes.nodes_set if n.uid == "static"] == (["static"] if ends else [])
        assert changes.nodes_removed == ([] if ends else ["static"])
