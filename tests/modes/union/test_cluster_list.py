"""The list of clusters: what it may say, and what an error says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from astrolabe.modes.union.cluster_list import ClusterEntry, ClusterListError, contexts_of, read_clusters


def errors(folder: Path, text: str) -> list[str]:
    path = folder / "clusters.yaml"
    path.write_text(text)
    found = read_clusters(str(path))
    assert found.all.entries == {}
    return [error.removeprefix(f"{path}:") for error in found.errors]


def test_each_way_to_a_cluster(tmp_path: Path) -> None:
    path = tmp_path / "clusters.yaml"
    path.write_text(
        "clusters:\n"
        "- {name: prod-eu, kubeconfig: kube/prod, context: eu}\n"
        "- {name: hub, inCluster: true}\n"
        "- name: prod-us\n"
        "  url: https://astrolabe.us.example/\n"
        "  tokenFile: /run/token\n"
        "  caFile: ca.crt\n"
    )
    found = read_clusters(str(path)).all
    assert found.errors == ()
    assert found.entries == {
        "hub": ClusterEntry("hub", in_cluster=True),
        "prod-eu": ClusterEntry("prod-eu", kubeconfig=str(tmp_path / "kube/prod"), context="eu"),
        "prod-us": ClusterEntry(
            "prod-us",
            url="https://astrolabe.us.example",
            token_file="/run/token",
            ca_file=str(tmp_path / "ca.crt"),
        ),
    }
    assert list(found.entries) == ["hub", "prod-eu", "prod-us"]


def test_json_and_a_bare_list_are_read_too_and_an_empty_file_has_no_clusters(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps([{"name": "a", "inCluster": True}]))
    (tmp_path / "b.yaml").write_text("")
    (tmp_path / "c.yml").write_text("clusters:\n")
    (tmp_path / "notes.txt").write_text("no list")
    found = read_clusters(str(tmp_path)).all
    assert (list(found.entries), found.errors) == (["a"], ())


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("clusters: [{context: a}]", "1: a cluster has no name; add name: …"),
        (
            "- name: Prod_EU\n  inCluster: true",
            "1: 'Prod_EU' cannot be the name of a cluster: at most 63 characters: lower-case letters, digits, "
            "- and ., the first and the last no - or .",
        ),
        (
            "- name: a\n- name: b\n",
            "1: cluster 'a' has no address; give it one of: kubeconfig and context, url, inCluster: true",
        ),
        (
            "- {name: a, url: 'https://x', inCluster: true}",
            "1: cluster 'a' has both url and inCluster; give it one of: kubeconfig and context, url, "
            "inCluster: true",
        ),
        (
            "- {name: a, context: x, tokenFile: t}",
            "1: tokenFile of cluster 'a' is for a url, and there is none",
        ),
        (
            "- name: a\n  url: astrolabe.example",
            "2: url 'astrolabe.example' is no address of an Astrolabe; write https://HOST or https://HOST:PORT",
        ),
        (
            "- {name: a, url: 'https://me:secret@x'}",
            "1: url has a user or password in it; put a token in a file and name it as tokenFile",
        ),
        (
            "- {name: a, inCluster: true}\n- {name: a, context: x}",
            "2: cluster 'a' is already in this file; give it another name",
        ),
        (
            "- name: a\n  contxt: b\n",
            "2: the entry of a cluster has no key 'contxt'; did you mean 'context'? It can be: name, kubeconfig, "
            "context, inCluster, url, tokenFile, caFile, showToEveryone, forwardToken",
        ),
        (
            "- {name: a, inCluster: true, showToEveryone: true}",
            "1: showToEveryone of cluster 'a' is for a url, and there is none",
        ),
        (
            "- {name: a, url: https://a, showToEveryone: true, forwardToken: true}",
            "1: cluster 'a' has both showToEveryone and forwardToken; everyone sees all, or each a part",
        ),
        ("cluster: []", "1: the file has no key 'cluster'; did you mean 'clusters'? It can be: clusters"),
        ("clusters: 3", "1: clusters must be a list ([...]), not the text '3'"),
        ("- {name: a, inCluster: maybe}", "1: inCluster cannot be 'maybe'; it can be: true, false"),
        (
            "- name: [",
            "2: not YAML: did not find expected node content; a path with [], * or {} must be in quotes",
        ),
    ],
)
def test_an_error_names_file_line_entry_and_what_to_do(tmp_path: Path, text: str, error: str) -> None:
    assert errors(tmp_path, text) == [error]


def test_a_refused_file_leaves_the_old_entries_in_place(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text(f"- {{name: {name}, inCluster: true}}\n")
    before = read_clusters(str(tmp_path))
    (tmp_path / "a.yaml").write_text("- {name: b, context: x}\n- {name: c}\n")
    (tmp_path / "b.yaml").write_text("- {name: b, context: y}\n")
    after = read_clusters(str(tmp_path), before.by_file)
    assert list(after.all.entries) == ["a", "b"]
    assert after.all.entries["b"].context == "y"
    (only,) = after.errors
    assert only.startswith(f"{tmp_path / 'a.yaml'}:2: cluster 'c' has no address")


def test_a_name_of_two_files_is_refused_in_the_second(tmp_path: Path) -> None:
    (tmp_path / "1.yaml").write_text("- {name: a, inCluster: true}\n")
    (tmp_path / "2.yaml").write_text("- {name: a, context: x}\n")
    found = read_clusters(str(tmp_path)).all
    assert found.entries == {"a": ClusterEntry("a", in_cluster=True)}
    assert found.errors == (
        f"{tmp_path / '2.yaml'}:1: cluster 'a' is already in {tmp_path / '1.yaml'}; give it another name",
    )


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    path = str(tmp_path / "none.yaml")
    assert read_clusters(path).errors == (f"{path}:1: cannot be read: No such file or directory",)


def kubeconfig(folder: Path, *contexts: str) -> str:
    path = folder / "config"
    named = [{"name": name, "context": {"cluster": "c", "user": "u"}} for name in contexts]
    path.write_text(json.dumps({"contexts": named, "clusters": [], "users": []}))
    return str(path)


def test_contexts_become_clusters_with_names_that_a_cluster_can_have(tmp_path: Path) -> None:
    eks = "arn:aws:eks:eu-central-1:1234:cluster/Prod"
    path = kubeconfig(tmp_path, "kind-dev", eks, "admin@prod", "prod")
    assert {name: entry.context for name, entry in contexts_of(path, ("all",)).items()} == {
        "admin-prod": "admin@prod",
        "kind-dev": "kind-dev",
        "prod": eks,
        "prod-2": "prod",
    }
    assert contexts_of(path, ("prod",)) == {"prod": ClusterEntry("prod", kubeconfig=path, context="prod")}


def test_a_context_that_does_not_exist_is_named_with_those_that_do(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path, "b", "a")
    with pytest.raises(ClusterListError) as raised:
        contexts_of(path, ("a", "prod"))
    assert str(raised.value) == (
        f"--contexts: kubeconfig {path} has no context 'prod'; the contexts are: a, b"
    )
    with pytest.raises(ClusterListError, match="there is no file"):
        contexts_of(str(tmp_path / "none"), ("all",))
