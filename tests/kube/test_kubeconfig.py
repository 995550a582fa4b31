"""Literal files, and what kubectl makes of them by its documented rules (`kubectl config view`)."""

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from astrolabe.kube.credentials import load_access
from astrolabe.kube.errors import ClusterError
from astrolabe.kubeconfig import KubeconfigError, choose_context, merge
from astrolabe.settings import Settings

FIRST = """
current-context: ""
clusters:
- {name: prod, cluster: {server: "https://prod.example", certificate-authority: pki/ca.crt}}
contexts:
- {name: prod, context: {cluster: prod, user: red}}
users:
- {name: red, user: {client-certificate: red.crt}}
"""
SECOND = """
current-context: dev
clusters:
- {name: dev, cluster: {server: "https://dev.example"}}
- {name: prod, cluster: {server: "https://elsewhere.example", insecure-skip-tls-verify: true}}
contexts:
- {name: dev, context: {cluster: dev, user: blue, namespace: shop}}
- {name: prod, context: {cluster: dev, user: blue}}
users:
- {name: red, user: {client-key: red.key, token: never}}
- {name: blue, user: {tokenFile: secrets/blue, token: older}}
"""
THIRD = "{current-context: prod, clusters: null, users: []}"


def merged(*files: tuple[str, str]) -> dict[str, Any]:
    """What the files say together, without where each entry is from."""
    result = merge([(path, yaml.safe_load(text)) for path, text in files])
    return {
        key: value if isinstance(value, str) else [entry for _, entry in value]
        for key, value in result.items()
    }


def test_the_first_file_wins_with_its_whole_entries() -> None:
    assert merged(("/a/config", FIRST), ("/b/config", SECOND), ("/c/config", THIRD)) == {
        "current-context": "dev",
        "clusters": [
            {
                "name": "prod",
                "cluster": {"server": "https://prod.example", "certificate-authority": "/a/pki/ca.crt"},
            },
            {"name": "dev", "cluster": {"server": "https://dev.example"}},
        ],
        "contexts": [
            {"name": "prod", "context": {"cluster": "prod", "user": "red"}},
            {"name": "dev", "context": {"cluster": "dev", "user": "blue", "namespace": "shop"}},
        ],
        "users": [
            {"name": "red", "user": {"client-certificate": "/a/red.crt"}},
            {"name": "blue", "user": {"tokenFile": "/b/secrets/blue"}},
        ],
    }


def test_the_order_of_the_files_decides() -> None:
    together = merged(("/b/config", SECOND), ("/a/config", FIRST))
    assert together["current-context"] == "dev"
    assert together["contexts"][1] == {"name": "prod", "context": {"cluster": "dev", "user": "blue"}}
    assert merged(("/c/config", THIRD), ("/b/config", SECOND))["current-context"] == "prod"


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ({"exec": {"command": "bin/login"}}, {"exec": {"command": "/a/bin/login"}}),
        ({"exec": {"command": "login"}}, {"exec": {"command": "login"}}),
        ({"client-key": "../k", "client-key-data": ""}, {"client-key": "/k"}),
        ({"client-certificate": "/pki/c"}, {"client-certificate": "/pki/c"}),
        ({"tokenFile": "", "token": "t"}, {"token": "t"}),
        ({"username": "", "password": "x"}, {"username": "", "password": "x"}),
    ],
)
def test_files_are_relative_to_the_one_that_names_them(
    user: dict[str, Any], expected: dict[str, Any]
) -> None:
    file = {"users": [{"name": "u", "user": user}]}
    assert merge([("/a/config", file)])["users"] == [("/a/config", {"name": "u", "user": expected})]


def test_an_empty_file_is_ignored_and_duplicates_are_errors() -> None:
    assert merged(("/a", ""), ("/b", THIRD))["current-context"] == "prod"
    twice = "{users: [{name: u, user: {token: hush}}, {name: u}]}"
    with pytest.raises(KubeconfigError, match=r"^/a has u twice among its users$"):
        merged(("/a", twice))


def test_the_context_that_is_wanted_or_current() -> None:
    both = merge([("/a", yaml.safe_load(SECOND))])
    assert choose_context(both, "") == "dev"
    assert choose_context(both, "prod") == "prod"
    with pytest.raises(KubeconfigError, match=r"^it has no context 'stage'; the contexts are: dev, prod$"):
        choose_context(both, "stage")
    none = merge([("/a", yaml.safe_load(FIRST))])
    with pytest.raises(
        KubeconfigError, match="it has no current context; choose one with --context, the contexts"
    ):
        choose_context(none, "")
    assert choose_context(merge([("/a", {})]), "") is None
    with pytest.raises(KubeconfigError, match=r"^it has no context 'x'; there are none$"):
        choose_context(merge([("/a", {})]), "x")


def write(folder: Path, name: str, text: str) -> Path:
    (folder / name).mkdir()
    (folder / name / "config").write_text(text)
    return folder / name / "config"


async def test_several_files_lead_to_the_cluster_that_kubectl_takes(tmp_path: Path) -> None:
    first, second = write(tmp_path, "a", FIRST), write(tmp_path, "b", SECOND)
    for name in ("a/pki/ca.crt", "a/red.crt", "b/secrets/blue"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"of {name}")
    files = os.pathsep.join(map(str, (tmp_path / "none", first, "", second)))
    access = await load_access(Settings(in_cluster=False, kubeconfig=files))
    assert (access.host, access.name, access.context) == ("https://dev.example", "dev", "dev")
    assert access.origin == f"kubeconfig {first}:{second}, context dev"
    assert access.configuration.api_key["BearerToken"] == "Bearer of b/secrets/blue"
    access = await load_access(Settings(in_cluster=False, kubeconfig=files, context="prod"))
    assert (access.host, access.name, access.context) == ("https://prod.example", "prod", "prod")
    assert access.configuration.ssl_ca_cert == str(tmp_path / "a/pki/ca.crt")
    assert access.configuration.cert_file == str(tmp_path / "a/red.crt")
    with pytest.raises(ClusterError, match="it has no context 'stage'; the contexts are: dev, prod"):
        await load_access(Settings(in_cluster=False, kubeconfig=files, context="stage"))
