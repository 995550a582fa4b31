"""The files of deploy/: their parts fit together, and Redis takes the configuration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from astrolabe.cli.flags import SERVE
from tests.support.documents import DEPLOYMENT
from tests.support.redis_server import redis_server

DEPLOY = DEPLOYMENT.parent
ENVIRONMENT = {flag.envvar for flag in SERVE}


@pytest.fixture(scope="module")
def manifests() -> dict[str, Any]:
    """The manifests of deploy/redis.yaml by kind; there is one of each."""
    documents = list(yaml.safe_load_all((DEPLOY / "redis.yaml").read_text()))
    assert len({each["kind"] for each in documents}) == len(documents)
    return {each["kind"]: each for each in documents}


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


def test_only_astrolabe_may_speak_to_redis(manifests: dict[str, Any]) -> None:
    deployment = next(
        each for each in yaml.safe_load_all(DEPLOYMENT.read_text()) if each["kind"] == "Deployment"
    )
    ((peer,),) = [rule["from"] for rule in manifests["NetworkPolicy"]["spec"]["ingress"]]
    assert peer["podSelector"]["matchLabels"] == deployment["spec"]["template"]["metadata"]["labels"]


def test_redis_takes_its_configuration_and_keeps_data_in_both_ways(
    manifests: dict[str, Any], tmp_path: Path
) -> None:
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
    document = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    services = document["services"]
    assert "--appendonly yes" in services["redis"]["command"]
    assert services["redis"]["volumes"] == ["redis:/data"]
    for name in ("astrolabe", "demo"):
        service = services[name]
        assert service["environment"].keys() <= ENVIRONMENT
        assert service["environment"]["REDIS_ADDR"] == "redis:6379"
        assert service["depends_on"] == {"redis": {"condition": "service_healthy"}}


def test_grafana_is_given_the_data_source_and_its_dashboards() -> None:
    grafana = DEPLOY / "grafana"
    plugin = json.loads((grafana / "astrolabe-datasource" / "src" / "plugin.json").read_text())["id"]
    sources = yaml.safe_load((grafana / "provisioning" / "datasources" / "astrolabe.yaml").read_text())
    providers = yaml.safe_load((grafana / "provisioning" / "dashboards" / "astrolabe.yaml").read_text())
    image = (grafana / "Dockerfile").read_text()
    assert [source["type"] for source in sources["datasources"]] == [plugin]
    for line in (
        f"/opt/plugins/{plugin}\n",
        "GF_PATHS_PLUGINS=/opt/plugins ",
        f"GF_PLUGINS_ALLOW_LOADING_UNSIGNED_PLUGINS={plugin} ",
        f"COPY deploy/grafana/dashboards {providers['providers'][0]['options']['path']}\n",
        "COPY deploy/grafana/provisioning /etc/grafana/provisioning\n",
    ):
        assert line in image


def test_the_services_of_the_grafana_compose_file_find_one_another() -> None:
    services = yaml.safe_load((DEPLOY / "grafana" / "docker-compose.yml").read_text())["services"]
    assert set(services) == {"redis", "astrolabe", "grafana"}
    environment = services["astrolabe"]["environment"]
    assert environment == {"ENABLE_PERSISTENCE": "true", "REDIS_ADDR": "redis:6379"}
    assert environment.keys() <= ENVIRONMENT
    assert "ASTROLABE_URL=http://astrolabe:8080" in (DEPLOY / "grafana" / "Dockerfile").read_text()
    assert (DEPLOY / "grafana" / services["grafana"]["build"]["context"]).resolve() == DEPLOY.parent
