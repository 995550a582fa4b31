"""`astrolabe rules`: what is said of manifests, kinds and files of rules."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from astrolabe.cli.commands import root
from astrolabe.cli.schemas import compare
from astrolabe.kinds.custom.parsing import parse_rules

CERTIFICATE = """\
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: www, namespace: shop, creationTimestamp: 2026-01-01T00:00:00Z}
spec: {secretName: tls, issuerRef: {name: ca}}
status:
  conditions: [{type: Ready, status: "True", reason: Ready, message: up to date, lastTransitionTime: 2026-01-02T00:00:00Z}]
"""
WIDGET = '{"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}, "status": {"phase": "Failed"}}'


def run(*args: str, given: str = "") -> Result:
    return CliRunner().invoke(root, ["rules", *args], input=given)


def explained(text: str, *args: str) -> list[dict[str, Any]]:
    result = run("explain", "-f", "-", "-o", "json", *args, given=text)
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.output.splitlines()]


def test_yaml_of_several_documents() -> None:
    pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: shop}\nspec: {nodeName: n}\nstatus: {phase: Succeeded}\n"
    certificate, after = explained(f"---\n{CERTIFICATE}---\n{pod}")
    wanted = ("kind", "status", "reason", "message", "decidedBy", "rule", "since", "error")
    assert {key: certificate[key] for key in wanted} == {
        "kind": "Certificate",
        "status": "Ready",
        "reason": "Ready",
        "message": "up to date",
        "decidedBy": "status.conditions[Ready]",
        "rule": "astrolabe/kinds/rules/cert-manager.io.yaml",
        "since": "2026-01-02T00:00:00Z",
        "error": None,
    }
    assert [
        (each["edge"], each["kind"], each["name"], each["field"]) for each in certificate["references"]
    ] == [
        ("makes", "Secret", "tls", "spec.secretName"),
        ("uses", "Issuer.cert-manager.io", "ca", "spec.issuerRef"),
    ]
    assert (after["kind"], after["status"], after["reason"], after["rule"]) == (
        "Pod",
        "Ready",
        "Succeeded",
        None,
    )


def test_json_lines_are_in_order_including_invalid_ones() -> None:
    lines = [
        WIDGET,
        "{not json",
        '{"kind": "Widget"}',
        "[]",
        '{"apiVersion": "v1", "kind": "Pod", "metadata": 4, "spec": []}',
        WIDGET,
    ]
    found = explained("\n".join(lines))
    assert [(each["status"], each["reason"]) for each in found] == [
        ("Error", "Failed"),
        (None, None),
        (None, None),
        (None, None),
        (None, None),
        ("Error", "Failed"),
    ]
    assert found[1]["error"].startswith("line 2: this is no JSON")
    assert found[2]["error"] == "line 3: the object has no kind or no apiVersion; write both"
    assert found[3]["error"].startswith("line 4: this is no object")
    assert found[4]["error"].startswith("it cannot be decoded")
    assert (found[0]["rule"], found[0]["decidedBy"]) == (None, "status.phase")


def test_a_bad_document_of_yaml_leaves_the_others() -> None:
    found = explained(f"{CERTIFICATE}---\na: [\n---\n{CERTIFICATE}")
    assert [each["status"] for each in found] == ["Ready", None, "Ready"]
    assert found[1]["error"].startswith("line 8: not YAML")


def test_json_over_several_lines() -> None:
    for text in (json.dumps(json.loads(WIDGET), indent=2), WIDGET.replace(", ", ",\n ")):
        assert [each["status"] for each in explained(text)] == ["Error"]
    broken_first = explained(f"{{not json\n{WIDGET}")
    assert [each["status"] for each in broken_first] == [None, "Error"]


def test_a_list_is_its_items() -> None:
    listed = json.dumps(
        {"apiVersion": "v1", "kind": "List", "items": [json.loads(WIDGET), json.loads(WIDGET)]}
    )
    assert [each["kind"] for each in explained(listed)] == ["Widget", "Widget"]


def test_rules_of_a_directory(tmp_path: Path) -> None:
    (tmp_path / "w.yaml").write_text(
        "kind: Widget.example.com\nstatus: {ready: [{field: status.phase, is: Failed}]}\n"
    )
    (found,) = explained(WIDGET, "--rules", str(tmp_path))
    assert (found["status"], found["rule"]) == ("Ready", str(tmp_path / "w.yaml"))
    (tmp_path / "w.yaml").write_text("kind: Widget.example.com\nstatu: {}\n")
    result = run("explain", "-f", "-", "--rules", str(tmp_path), given=WIDGET)
    assert isinstance(result.exception, SystemExit)
    assert f"{tmp_path / 'w.yaml'}:2: " in result.output
    assert "did you mean 'status'?" in result.output


def test_output_for_people() -> None:
    result = run("explain", "-f", "-", given=CERTIFICATE)
    assert result.output.splitlines()[:5] == [
        "Certificate shop/www",
        "  status:     Ready (Ready)",
        "  message:    up to date",
        "  decided by: status.conditions[Ready]",
        "  rule:       astrolabe/kinds/rules/cert-manager.io.yaml",
    ]
    assert "  makes → Secret shop/tls  (spec.secretName)" in result.output


def test_a_reference_of_unknown_scope_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "w.yaml").write_text(
        "kind: Widget.example.com\nreferences: [{edge: uses, to: Keeper.example.com, name: spec.keeper}]\n"
    )
    widget = {
        "apiVersion": "example.com/v1",
        "kind": "Widget",
        "metadata": {"name": "w", "namespace": "shop"},
        "spec": {"keeper": "anna"},
    }
    result = run("explain", "-f", "-", "--rules", str(tmp_path), given=json.dumps(widget))
    assert [line for line in result.output.splitlines() if "→" in line] == [
        "  uses → Keeper.example.com shop/anna, or anna in no namespace  (spec.keeper)"
    ]


@pytest.mark.parametrize("word", ["Certificate.cert-manager.io", "certificates", "certificate"])
def test_a_kind(word: str) -> None:
    result = run("explain", word)
    assert result.output.startswith("Certificate.cert-manager.io\n")
    assert "    spec.secretName\n" in result.output
    assert "makes → Secret  (spec.secretName)" in result.output


def test_neither_or_both_arguments() -> None:
    for args in ([], ["Certificate", "-f", "x"]):
        result = run("explain", *args)
        assert result.exit_code == 2
        assert "give either a kind, or manifests with -f FILE" in result.output


def test_check(tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text("kind: Widget.example.com\nstatus: {ready: [Ready]}\n")
    result = run("check", str(file))
    assert (result.exit_code, result.output) == (0, f"{file}: 1 rule (Widget.example.com)\n")
    file.write_text("kind: Widget.example.com\nlayer: top\n")
    result = run("check", str(file))
    assert result.exit_code == 1
    assert f"{file}:2: layer cannot be 'top'" in result.output


def test_check_takes_a_directory(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("kind: Widget.example.com\nstatus: {ready: [Ready]}\n")
    (tmp_path / "b.yml").write_text("kind: Gadget.example.com\n---\nkind: Gear.example.com\n")
    (tmp_path / "notes.txt").write_text("no rules")
    result = run("check", str(tmp_path))
    assert result.output.splitlines() == [
        f"{tmp_path}/a.yaml: 1 rule (Widget.example.com)",
        f"{tmp_path}/b.yml: 2 rules (Gadget.example.com, Gear.example.com)",
    ]
    (tmp_path / "c.yaml").write_text("kind: Widget.example.com\n")
    (tmp_path / "d.yaml").write_text("kind: Deployment.apps\n")
    (tmp_path / "e.yaml").write_text("kind: Gizmo.example.com\nmetadata: {a: .spec.b}\n")
    result = run("check", str(tmp_path))
    assert result.exit_code == 1
    said = result.output
    assert f"{tmp_path}/c.yaml:1: Widget.example.com has a rule at {tmp_path}/a.yaml:1, too" in said
    assert f"{tmp_path}/d.yaml:1: Deployment.apps is built in, and needs no rule" in said
    assert f"{tmp_path}/e.yaml:2: a: '.spec.b' is JSONPath" in said


def test_check_of_a_directory_without_rules(tmp_path: Path) -> None:
    result = run("check", str(tmp_path))
    assert result.exit_code == 1
    assert f"{tmp_path} has no rules: none of its files ends with .yaml or .yml" in result.output


RULES = """\
kind: Widget.example.com
versions: [v1]
status: {ready: [Ready, {field: status.phase, is: Up}], error: [{field: status.nope, exists: true}]}
references:
  - {edge: uses, to: Secret, name: "spec.list[].name"}
  - {edge: uses, to: Secret, name: "spec.list[].other"}
  - {edge: uses, to: Secret, name: "spec.map.*.name"}
  - {edge: uses, to: Secret, name: "spec.free.whatever"}
---
kind: Gadget.example.com
"""
SCHEMA = {
    "properties": {
        "spec": {
            "properties": {
                "list": {"items": {"properties": {"name": {"type": "string"}}}},
                "map": {"additionalProperties": {"properties": {"name": {"type": "string"}}}},
                "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
            }
        },
        "status": {
            "properties": {
                "phase": {"type": "string"},
                "observedGeneration": {"type": "integer"},
                "conditions": {"items": {"properties": {}}},
            }
        },
    }
}


def test_paths_are_checked_against_the_schemas() -> None:
    crd = {
        "spec": {
            "group": "example.com",
            "names": {"kind": "Widget"},
            "versions": [{"name": "v1", "served": True, "schema": {"openAPIV3Schema": SCHEMA}}],
        }
    }
    said = list(compare(parse_rules("r.yaml", RULES), [crd]))
    assert said == [
        "warning: r.yaml:1: Widget.example.com v1 has no spec.list[].other (reference uses); it reads as absent",
        "warning: r.yaml:1: Widget.example.com v1 has no status.nope (status error); it reads as absent",
        "r.yaml:10: the cluster has no CRD of Gadget.example.com",
    ]


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("kind: Crawler", "-:1: no kind of Kubernetes' own is called 'Crawler'"),
        (
            "kind: Crawler.example.com\nreferences:\n  - {edge: uses, to: Pods, name: spec.pod}",
            "-:3: no kind of Kubernetes' own is called 'Pods'; write the group of another's with it, such as Pods.example.com",
        ),
    ],
)
def test_check_refuses_a_name_without_its_group(rule: str, said: str) -> None:
    result = run("check", "-", given=rule)
    assert result.exit_code == 1
    assert said in result.output


def test_a_kind_that_is_misspelt_is_guessed() -> None:
    result = run("explain", "Certificte")
    assert result.exit_code == 1
    assert "'Certificte'; did you mean Certificate.cert-manager.io?" in result.output


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("clusterpolicies.kyverno.io", "ClusterPolicy.kyverno.io"),
        ("ingresses", "Ingress"),
        ("pvc", "PersistentVolumeClaim"),
        ("networkpolicies", "NetworkPolicy"),
    ],
)
def test_kinds_are_explained_by_the_names_that_kubectl_has_for_them(word: str, kind: str) -> None:
    result = run("explain", word)
    assert result.exit_code == 0
    assert result.output.startswith(kind)


def test_a_file_without_objects_is_no_silent_success(tmp_path: Path) -> None:
    empty = tmp_path / "empty.yaml"
    empty.write_text("# nothing yet\n---\n")
    for given in ("-", str(empty)):
        result = run("explain", "-f", given)
        assert result.exit_code != 0
        assert "has no object" in result.output
    assert explained("") == []


def test_rules_are_taken_from_a_folder_and_a_file_is_told_apart(tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text("kind: Widget.example.com\n")
    result = run("explain", "-f", "-", "--rules", str(file), given=WIDGET)
    assert "is a file; name the folder that it is in" in result.output
