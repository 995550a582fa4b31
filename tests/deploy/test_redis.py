"""deploy/redis.yaml and deploy/docker-compose.yml: their parts fit together, and Redis takes the configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from astrolabe.cli.flags import SERVE
from tests.support.documents import DEPLOY, DEPLOYMENT, REDIS
from tests.support.kustomize import documents
from tests.support.redis_server import redis_server

ENVIRONMENT = {flag.envvar for flag in SERVE}


@pytest.fixture(scope="module")
def manifests() -> dict[str, Any]:
    """The manifests of deploy/redis.yaml that are of Redis itself, by kind; there is one of each."""
    found = [each for each in documents(REDIS) if each["metadata"]["name"] == "astrolabe-redis"]
    assert len({each["kind"] for each in found}) == len(found)
    return {each["kind"]: each for each in found}


def test_the_parts_of_redis_fit_together(manifests: dict[str, Any]) -> None:
    pod = manifests["StatefulSet"]["spec"]["template"]
    labels = pod["metadata"]["labels"].items()
    (container,) = pod["spec"]["containers"]
    assert {each["metadata"]["namespace"] for each in manifests.values()} == {"astrolabe-system"}
    assert manifests["Service"]["spec"]["selector"].items() <= labels
    assert manifests["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"].items() <= labels
    assert {mount["name"] for mount in container["volumeMounts"]} == {"data", "config"}
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    (secret,) = [each["valueFrom"]["secretKeyRef"] for each in container["env"]]
    assert secret["key"] in ENVIRONMENT, "kubectl set env gives the same variable to Astrolabe"


def test_only_astrolabe_may_reach_redis(manifests: dict[str, Any]) -> None:
    deployment = next(each for each in documents(DEPLOYMENT) if each["kind"] == "Deployment")
    ((peer,),) = [rule["from"] for rule in manifests["NetworkPolicy"]["spec"]["ingress"]]
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert peer["podSelector"]["matchLabels"].items() <= labels.items()


def test_redis_is_configured_and_persistent(manifests: dict[str, Any], tmp_path: Path) -> None:
    text = manifests["ConfigMap"]["data"]["redis.conf"]
    options = [
        word
        for line in text.splitlines()
        if line and not line.startswith(("#", "dir", "save"))
        for word in (f"--{line.split()[0]}", *line.split()[1:])
    ]
    with redis_server(tmp_path, *options, "--save", "900 1 300 1000") as redis, redis.client() as client:
        assert client.config_get("appendonly") == {"appendonly": "yes"}
        assert client.config_get("save") == {"save": "900 1 300 1000"}
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


def test_the_compose_file_starts_astrolabe_after_a_redis_that_keeps_its_data() -> None:
    document = yaml.safe_load((DEPLOY / "docker-compose.yml").read_text())
    services = document["services"]
    assert "--appendonly yes --save 900 1 " in services["redis"]["command"]
    assert services["redis"]["volumes"] == ["redis:/data"]
    for name in ("astrolabe", "demo"):
        service = services[name]
        assert service["environment"].keys() <= ENVIRONMENT
        assert service["environment"]["REDIS_ADDR"] == "redis:6379"
        assert service["depends_on"] == {"redis": {"condition": "service_healthy"}}
        assert service["ports"] == ["127.0.0.1:8080:8080"]
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
