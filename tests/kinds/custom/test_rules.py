"""Rules of a few lines: the status, the references and the metadata that they give."""

from __future__ import annotations

from typing import Any

import pytest

from astrolabe.kinds.custom.parsing import parse_rules
from astrolabe.kinds.custom.rulebook import RuleBook
from tests.kinds.custom.support import Json, facts, judged, kind
from tests.kinds.support import target


def book(text: str) -> RuleBook:
    return RuleBook(parse_rules("widgets.yaml", f"kind: Widget.example.com\n{text}"))


def condition(type: str, status: str, reason: str = "", **more: Any) -> Json:
    return {"type": type, "status": status, "reason": reason, **more}


CERTIFICATE = """
status:
  paused: []
  error: [{field: status.failures, above: 0, as: Failing, message: "failed {status.failures} times"}]
  pending: [Issuing]
  ready: [Ready, "Synced?"]
"""

STATUSES: list[tuple[str, Json, tuple[str, str, str]]] = [
    ("ready", {"conditions": [condition("Ready", "True", "Issued")]}, ("Ready", "Issued", "status.conditions[Ready]")),
    ("an error comes first", {"failures": 2, "conditions": [condition("Issuing", "True")]}, ("Error", "Failing", "status.failures")),
    ("pending", {"conditions": [condition("Issuing", "True"), condition("Ready", "False")]}, ("Pending", "Issuing", "status.conditions[Issuing]")),
    ("not ready", {"conditions": [condition("Ready", "False", "Oops")]}, ("Error", "Oops", "status.conditions[Ready]")),
    ("still at it", {"conditions": [condition("Ready", "False", "Creating")]}, ("Pending", "Creating", "status.conditions[Ready]")),
    ("may be absent, not False", {"conditions": [condition("Ready", "True"), condition("Synced", "False", "No")]}, ("Error", "No", "status.conditions[Synced]")),
    ("not said yet", {"conditions": []}, ("Pending", "NoReady", "status.conditions[Ready]")),
    ("an older generation", {"conditions": [condition("Ready", "True", observedGeneration=1)]}, ("Pending", "Progressing", "status.conditions[Ready].observedGeneration")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("status", "expected"), [case[1:] for case in STATUSES], ids=[case[0] for case in STATUSES]
)
def test_status(status: Json, expected: tuple[str, str, str]) -> None:
    assert judged(kind(book=book(CERTIFICATE)), status=status) == expected


def test_no_status_at_all() -> None:
    assert judged(kind(book=book(CERTIFICATE)), spec={"paused": True}) == ("Pending", "NoStatus", "status")
    assert judged(kind(book=book("status: {no-status: ready, ready: [Ready]}"))) == ("Ready", "Ready", "")


def test_a_message_is_made_of_fields() -> None:
    found = facts(kind(book=book(CERTIFICATE)), status={"failures": 3})
    assert found.status.message == "failed 3 times"


PARENTS = """
status:
  error: [{condition: Accepted, in: "status.parents[].conditions", label: parentRef.name, is: "False"}]
  ready: [{condition: Accepted, in: "status.parents[].conditions"}]
"""


def test_the_bad_parent_among_several_is_named() -> None:
    good = {"parentRef": {"name": "a"}, "conditions": [condition("Accepted", "True")]}
    bad = {
        "parentRef": {"name": "b"},
        "conditions": [condition("Accepted", "False", "NoMatch", message="no listener")],
    }
    found = facts(kind(book=book(PARENTS)), status={"parents": [good, bad]})
    assert (found.status.severity, found.status.reason, found.status.message) == (
        "Error",
        "NoMatch",
        "b: no listener",
    )
    assert found.metadata["decidedBy"] == "status.parents[1].conditions[Accepted]"
    assert facts(kind(book=book(PARENTS)), status={"parents": [good]}).status.severity == "Ready"


TESTS: list[tuple[str, Json, bool]] = [
    ("{field: spec.a, is: [x, y]}", {"a": "y"}, True),
    ("{field: spec.a, is: [x, y]}", {"a": "z"}, False),
    ("{field: spec.a, is: [x, y]}", {}, False),
    ("{field: spec.a, is: 'x*'}", {"a": "xyz"}, True),
    ("{field: spec.a, not: x}", {"a": "y"}, True),
    ("{field: spec.a, not: x}", {}, True),
    ("{field: spec.a, is: 'true'}", {"a": True}, True),
    ("{field: spec.a, is: 1}", {"a": 1}, True),
    ("{field: spec.a, below: spec.b}", {"a": 1, "b": 2}, True),
    ("{field: spec.a, below: spec.b}", {"b": 2}, True),
    ("{field: spec.a, below: spec.b}", {"a": 2, "b": 2}, False),
    ("{field: spec.a, above: 1}", {"a": "2"}, True),
    ("{field: spec.a, above: 1}", {"a": "many"}, False),
    ("{field: spec.a, exists: true}", {"a": {}}, True),
    ("{field: spec.a, exists: false}", {"a": {}}, False),
    ("{field: spec.a, exists: false}", {}, True),
    ("{field: 'spec.l[].a', is: x}", {"l": [{"a": "y"}, {"a": "x"}]}, True),
    ("{field: 'spec.l[]', exists: false}", {"l": []}, True),
    ("{all: [{field: spec.a, is: x}, {field: spec.b, is: y}]}", {"a": "x", "b": "y"}, True),
    ("{all: [{field: spec.a, is: x}, {field: spec.b, is: y}]}", {"a": "x"}, False),
    ("{field: spec.a, is: x, unless: [{field: spec.b, is: y}]}", {"a": "x", "b": "y"}, False),
    ("{field: spec.a, is: x, unless: [{field: spec.b, is: y}]}", {"a": "x"}, True),
]


@pytest.mark.parametrize(("test", "spec", "holds"), TESTS)
def test_tests(test: str, spec: Json, holds: bool) -> None:
    rule = book(f"status: {{error: [{test}], no-status: ready, otherwise: ready}}")
    assert (judged(kind(book=rule), spec=spec)[0] == "Error") is holds


@pytest.mark.parametrize(
    ("reference", "parts", "expected"),
    [
        # a name of one kind in the own namespace
        ("{edge: makes, to: Secret, name: spec.secretName}", {"secretName": "tls"}, ["Secret/shop/tls spec.secretName"]),
        # name and namespace
        ("{edge: uses, to: Secret, at: spec.ref}", {"ref": {"name": "a", "namespace": "b"}}, ["Secret/b/a spec.ref"]),
        # a closed set of kinds
        (
            "{edge: uses, to: [ConfigMap, Secret], at: 'spec.refs[]'}",
            {"refs": [{"name": "a"}, {"name": "b", "kind": "Secret"}, {"name": "c", "kind": "Other"}]},
            ["ConfigMap/shop/a spec.refs[0]", "Secret/shop/b spec.refs[1]"],
        ),
        # a typed reference
        (
            "{edge: uses, to: any, at: spec.ref}",
            {"ref": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "a"}},
            ["Deployment/shop/a spec.ref"],
        ),
        (
            "{edge: uses, to: any, at: spec.ref}",
            {"ref": {"group": "x.io", "kind": "Thing", "name": "a"}},
            ["Thing.x.io/shop/a spec.ref", "Thing.x.io//a spec.ref"],
        ),
        # selectors
        ("{edge: selects, to: Pod, labels: spec.selector}", {"selector": {"a": "b"}}, ["Pod/shop?a=b spec.selector"]),
        ("{edge: selects, to: Pod, labels: spec.selector}", {"selector": {}}, []),
        ("{edge: selects, to: Pod, selector: spec.selector}", {"selector": {}}, ["Pod/shop? spec.selector"]),
        ("{edge: selects, to: Pod, selector: spec.selector}", {}, []),
        (
            "{edge: selects, to: Pod, labels: 'spec.parts[].labels'}",
            {"parts": [{"labels": {"a": "b"}}, {}, {"labels": {"c": "d"}}]},
            ["Pod/shop?a=b spec.parts[0].labels", "Pod/shop?c=d spec.parts[2].labels"],
        ),
        (
            "{edge: selects, to: Pod, selector: spec.s, namespaceSelector: spec.n}",
            {"s": {}, "n": {"matchLabels": {"t": "x"}}},
            ["Pod/?&t=x spec.s"],
        ),
        ("{edge: selects, to: Pod, selector: spec.s, namespaceSelector: spec.n}", {"s": {}, "n": {}}, ["Pod/?& spec.s"]),
        ("{edge: selects, to: Pod, selector: spec.s, namespaceSelector: spec.n}", {"s": {}}, ["Pod/shop? spec.s"]),
        (
            "{edge: selects, to: Pod, selector: spec.s, namespaceNames: spec.n}",
            {"s": {}, "n": {"matchNames": ["a", "b"]}},
            ["Pod/a? spec.s", "Pod/b? spec.s"],
        ),
        ("{edge: selects, to: Pod, selector: spec.s, namespaceNames: spec.n}", {"s": {}, "n": {"any": True}}, ["Pod/?& spec.s"]),
        # a name that is made of others, and one that stands in several namespaces
        ("{edge: makes, to: Secret, name: '{metadata.name}-{spec.user}-tls'}", {"user": "app"}, ["Secret/shop/x-app-tls metadata.name"]),
        ("{edge: makes, to: Secret, name: '{metadata.name}-{spec.user}-tls'}", {}, []),
        (
            "{edge: makes, to: Secret, name: [spec.secret, metadata.name], namespace: 'spec.in[]'}",
            {"in": ["a", "b"]},
            ["Secret/a/x spec.in[0]", "Secret/b/x spec.in[1]"],
        ),
        # a walk, also inside of what it finds
        (
            "{edge: uses, to: Secret, name: 'spec.**SecretRef.name'}",
            {"auth": {"secretRef": {"keySecretRef": {"name": "key"}}}},
            ["Secret/shop/key spec.auth.secretRef.keySecretRef"],
        ),
        # a kind of the own group, or of one above it
        (
            "{edge: uses, to: Config.*, name: spec.config}",
            {"config": "a"},
            ["Config.example.com/shop/a spec.config", "Config.example.com//a spec.config"],
        ),
        # a subset of a host
        (
            "{edge: uses, to: DestinationRule.networking.istio.io, name: 'spec.to[].subset', host: 'spec.to[].host'}",
            {"to": [{"host": "web", "subset": "v1"}, {"host": "web.b.svc.cluster.local", "subset": "v2"}, {"host": "web"}]},
            [
                "DestinationRule.networking.istio.io//subset v1 of web.shop spec.to[0].subset",
                "DestinationRule.networking.istio.io//subset v2 of web.b spec.to[1].subset",
            ],
        ),
        # packed texts
        ("{edge: uses, to: Secret, name: spec.ref, packed: namespace/name}", {"ref": "b/a"}, ["Secret/b/a spec.ref"]),
        ("{edge: uses, to: Secret, name: spec.ref, packed: names}", {"ref": "a, b"}, ["Secret/shop/a spec.ref", "Secret/shop/b spec.ref"]),
        ("{edge: routes-to, to: Service, name: spec.host, packed: host}", {"host": "web"}, ["Service/shop/web spec.host"]),
        ("{edge: routes-to, to: Service, name: spec.host, packed: host}", {"host": "web.b.svc.cluster.local"}, ["Service/b/web spec.host"]),
        ("{edge: routes-to, to: Service, name: spec.host, packed: host}", {"host": "api.example.com"}, ["ServiceEntry.networking.istio.io//api.example.com spec.host"]),
        (
            "{edge: manages, to: any, name: 'spec.entries[].id', packed: flux-inventory}",
            {"entries": [{"id": "b_web_apps_Deployment"}, {"id": "_system__x_rbac.authorization.k8s.io_ClusterRole"}]},
            ["Deployment/b/web spec.entries[]", "ClusterRole//system:x spec.entries[]"],
        ),
        # a walk
        (
            "{edge: uses-secret, to: Secret, name: 'spec.provider.**SecretRef.name'}",
            {"provider": {"aws": {"auth": {"accessKeySecretRef": {"name": "a", "key": "k"}}}, "list": [{"secretRef": {"name": "b"}}]}},
            ["Secret/shop/a spec.provider.aws.auth.accessKeySecretRef", "Secret/shop/b spec.provider.list[0].secretRef"],
        ),
        # only when
        ("{edge: uses, to: Secret, name: spec.a, when: [{field: spec.b, not: None}]}", {"a": "x", "b": "None"}, []),
    ],
)  # fmt: skip
def test_references(reference: str, parts: Json, expected: list[str]) -> None:
    found = facts(kind(book=book(f"references: [{reference}]")), spec=parts)
    assert [shown(link) for link in found.links] == expected


def shown(link: Any) -> str:
    among = getattr(link, "among", None)
    end = (
        target(link)
        if among is None
        else f"{target(link)}&{','.join(f'{r.key}={next(iter(r.values))}' for r in among.requirements)}"
    )
    return f"{end} {link.field}"


def test_a_label_value_can_be_a_reference() -> None:
    entry = kind(
        book=book('references: [{edge: uses, to: Gadget.x.io, name: "metadata.labels[x.io/gadget]"}]\n')
    )
    found = facts(entry, metadata={"labels": {"x.io/gadget": "g"}})
    assert [shown(link) for link in found.links] == [
        "Gadget.x.io/shop/g metadata.labels[x.io/gadget]",
        "Gadget.x.io//g metadata.labels[x.io/gadget]",
    ]


def test_a_reference_into_another_namespace_needs_a_grant() -> None:
    entry = kind(book=book("references: [{edge: uses, to: Secret, at: spec.ref, permit: true}]"))
    (own,) = facts(entry, spec={"ref": {"name": "a", "namespace": "shop"}}).links
    (other,) = facts(entry, spec={"ref": {"name": "a", "namespace": "b"}}).links
    assert own.permit is None
    assert other.permit.names == ("example.com/Widget/shop>/Secret/a", "example.com/Widget/shop>/Secret/*")


def test_a_grant_has_an_alias_for_each_permitted_target() -> None:
    entry = kind(book=book('permits: {from: "spec.from[]", to: "spec.to[]"}\n'))
    found = facts(
        entry,
        spec={
            "from": [{"group": "example.com", "kind": "Widget", "namespace": "shop"}],
            "to": [{"group": "", "kind": "Secret"}, {"group": "", "kind": "ConfigMap", "name": "c"}],
        },
    )
    assert found.aliases == ("example.com/Widget/shop>/Secret/*", "example.com/Widget/shop>/ConfigMap/c")


WRONG: list[tuple[str, int, str]] = [
    ("", 1, "the file has no rule"),
    ("[1, 2]", 1, "must be a mapping"),
    ("kind: [", 2, "not YAML"),
    ("kind: A.b\nreferences:\n- {edge: uses, to: Secret, name: spec.x[].name}", 3, "a path with [], * or {} must be in quotes"),
    ("kind: A.b\nstatus:\n  pending: [status.built < spec.wanted]", 3, "a test of a field is written as {field: path, is: value}"),
    ("kind: A.b\nstatus:\n  ready: [is good]", 3, "'is good' is no type of a condition, such as Ready"),
    ("kind: A.b\nstatus:\n  error: [{condition: Dry, status: 'False'}]", 3, "a test has no key 'status'; did you mean 'is'?"),
    ("kind: A.b\nstatus:\n  error: [{field: status.a, above: 1, reason: Few}]", 3, "`as` gives the status a reason"),
    ("versions: [v1]", 1, "needs `kind: Name.group`"),
    ("kind: certificates", 1, "is no kind; write it as Kind.group"),
    ("kind: A.x\nkind: B.x", 2, "is twice"),
    ("kind: A.x\nstatu: {}", 2, "did you mean 'status'?"),
    ("kind: A.x\nlayer: top", 2, "layer cannot be 'top'"),
    ("kind: A.x\nscope: global", 2, "scope cannot be 'global'"),
    ("kind: A.x\nstatus:\n  ready: Ready", 3, "must be a list"),
    ("kind: A.x\nstatus:\n  ready: [{conditions: Ready}]", 3, "did you mean 'condition'?"),
    ("kind: A.x\nstatus:\n  error: [{is: x}]", 3, "needs one of `condition`, `field` and `all`"),
    ("kind: A.x\nstatus:\n  error: [{field: status.a, condition: B}]", 3, "at once"),
    ("kind: A.x\nstatus:\n  error: [{field: stat.a}]", 3, "must begin with metadata, spec, status"),
    ("kind: A.x\nstatus:\n  error: [{field: 'status.a..b'}]", 3, "is not a path"),
    ("kind: A.x\nstatus:\n  error: [{field: status.a, above: many}]", 3, "must be a number"),
    ("kind: A.x\nstatus:\n  error: [{condition: A, above: 1}]", 3, "does not go with 'condition'"),
    ("kind: A.x\nstatus:\n  error: [{field: status.a, in: [B]}]", 3, "'in' does not go with 'field'; write its words with `is`"),
    ("kind: A.x\nstatus:\n  error: [{field: status.a, as: two words}]", 3, "must be one word"),
    ("kind: A.x\nstatus: {otherwise: fine}", 2, "otherwise cannot be 'fine'"),
    ("kind: A.x\nreferences:\n  - {edge: points-to, to: Secret, name: spec.a}", 3, "edge cannot be 'points-to'"),
    ("kind: A.x\nreferences:\n  - {edge: uses, name: spec.a}", 3, "needs `to`"),
    ("kind: A.x\nreferences:\n  - {edge: uses, to: Secret}", 3, "needs `at: path`"),
    ("kind: A.x\nreferences:\n  - {edge: uses, to: Secret, name: spec.a, else-in: [b]}", 3, "`else-in` needs `beside`"),
    ("kind: A.x\nreferences:\n  - {edge: uses, to: Secret, name: spec.a, beside: selects}", 3, "needs a reference with `edge: selects` that selects by labels"),
    ("kind: A.x\nreferences:\n  - {edge: uses, to: Secret, name: spec.a, beside: selects, namespace: spec.b}", 3, "has no `namespace`"),
    ("kind: A.x\nreferences:\n  - {edge: uses, to: Secret, name: spec.a, beside: besides}", 3, "besides"),
    ("kind: A.x\nreferences:\n  - {edge: uses, to: any, name: spec.a}", 3, "needs `kind: path`"),
    ("kind: A.x\nreferences:\n  - {edge: uses, to: Secret, name: spec.a, labels: spec.b}", 3, "either a name or a selector"),
    ("kind: A.x\nreferences:\n  - {edge: uses, to: Secret, name: spec.a, everywhere: true}", 3, "needs `selector`"),
    ("kind: A.x\nmetadata: {a: metadata.managedFields}", 2, "is not read"),
    ("kind: A.x\nreferences:\n  - {edge: uses, to: secret, name: spec.a}", 3, "or of Kubernetes' own as Kind, such as Secret"),
    ("kind: A.x\nmetadata: {a: .spec.b}", 2, "'.spec.b' is JSONPath; write the path without its beginning: spec.b"),
    ("kind: A.x\nmetadata:\n  a: $.spec.b", 3, "write the path without its beginning: spec.b"),
    ("kind: A.x\nmetadata:\n  a: '{.spec.b}'", 3, "write the path without its beginning: spec.b"),
    ("kind: A.x\nstatus:\n  error: [{field: status.a, above: .spec.b}]", 3, "'.spec.b' is JSONPath"),
    ("kind: A.x\nstatus:\n  error: [{field: status.a, message: .status.b}]", 3, "'.status.b' is JSONPath"),
    ("kind: A.x\nstatus:\n  error: [{field: status.a, message: 'it has {.status.b}'}]", 3, "'.status.b' is JSONPath"),
    ("kind: A.x\nstatus:\n  error: [{field: status.a, message: 'it has {stat.b}'}]", 3, "must begin with metadata, spec, status"),
    ("kind: A.x\nstatus:\n  error:\n    - field: status.a\n      message: [status.b, {each: 'status.c[]'}]", 5, "needs `each: path` and `say:"),
    ("kind: A.x\nstatus: {selected-by: [not a kind]}", 2, "is no kind"),
    ("kind: A.x\nsubsets: {host: spec.host}", 2, "needs `host` and `name`"),
    ("kind: A.x\nreferences:\n  - {edge: uses, to: Secret, name: 'a-{spec.b'}", 3, "a brace is open in 'a-{spec.b'"),
    ("kind: A.x\nmetadata: &a {b: spec.c}\nstatus: *a", 2, "aliases"),
    ("kind: A.x\n---\nkind: A.x", 3, "has a rule already"),
    ("kind: A.x\nversions:", 2, "is empty"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "why"), WRONG)
def test_wrong_files(text: str, line: int, why: str) -> None:
    with pytest.raises(ValueError, match=r"^wrong\.yaml:") as error:
        parse_rules("wrong.yaml", text)
    assert str(error.value).startswith(f"wrong.yaml:{line}: ")
    assert why in str(error.value)


def test_a_message_may_name_elements_and_have_fallbacks() -> None:
    rule = book("""
status:
  error:
    - field: status.health
      is: Bad
      message:
        - status.message
        - {each: "status.parts[health.status=Bad]", say: "{kind} {name}: {health.message}"}
        - a part is bad
""")
    parts = [
        {"kind": "Pod", "name": "a", "health": {"status": "Bad", "message": "no image"}},
        {"kind": "Pod", "name": "b", "health": {"status": "Good"}},
        {"kind": "Service", "name": "c", "health": {"status": "Bad"}},
    ]

    def message(**status: Any) -> str:
        return facts(kind(book=rule), status={"health": "Bad", **status}).status.message

    assert message(message="it says so itself", parts=parts) == "it says so itself"
    assert message(parts=parts) == "Pod a: no image; Service c"
    assert message(parts=parts[1:2]) == "a part is bad"


def test_an_object_that_a_rule_calls_static_needs_no_status() -> None:
    rule = book("status: {static: [{field: spec.type, is: oci}], ready: [Ready]}")
    assert judged(kind(book=rule), spec={"type": "oci"}) == ("Ready", "Oci", "spec.type")
    assert judged(kind(book=rule), spec={"type": "git"})[0] == "Pending"


def test_namespace_of_references_from_cluster_scoped_objects() -> None:
    text = "references: [{edge: uses, to: Secret, name: spec.secret, home: cert-manager}]"
    rules = parse_rules("widgets.yaml", f"kind: Widget.example.com\nscope: cluster\n{text}")

    def ends(of: RuleBook, namespace: str = "") -> list[str]:
        found = facts(kind(book=of), metadata={"namespace": namespace}, spec={"secret": "tls"})
        return [target(link) for link in found.links]

    assert ends(RuleBook(rules)) == ["Secret/cert-manager/tls"]
    assert ends(RuleBook(rules, {"cert-manager": "infra"})) == ["Secret/infra/tls"]
    assert ends(RuleBook(rules), namespace="shop") == ["Secret/shop/tls"]


@pytest.mark.parametrize("odd", [["Ready"], {"a": 1}, None, 7, "Other"])
def test_a_condition_whose_type_is_not_a_string_is_ignored(odd: Any) -> None:
    widget = kind(book=book('status: {error: [{condition: Broken, reason: "Bad*"}], ready: [Ready]}'))
    conditions = [{"type": odd, "status": "True", "reason": "Bad"}, condition("Ready", "True", "Fine")]
    assert judged(widget, status={"conditions": conditions}) == ("Ready", "Fine", "status.conditions[Ready]")
