"""deploy/grafana: the image, its provisioning and the compose file fit together."""

from __future__ import annotations

import json

import yaml

from astrolabe.cli.flags import SERVE
from tests.support.documents import DEPLOY

ENVIRONMENT = {flag.envvar for flag in SERVE}

#: What Grafana's provisioning may say (grafana.com/docs, "Provision Grafana"); it passes over anything else.
SOURCE = {
    *[
        "name",
        "uid",
        "type",
        "access",
        "orgId",
        "url",
        "user",
        "database",
        "isDefault",
        "editable",
        "version",
    ],
    *["basicAuth", "basicAuthUser", "withCredentials", "jsonData", "secureJsonData"],
}
PROVIDER = {
    *["name", "orgId", "folder", "folderUid", "type", "options", "editable", "allowUiUpdates"],
    *["disableDeletion", "updateIntervalSeconds"],
}


def test_grafana_is_given_the_data_source_and_its_dashboards() -> None:
    grafana = DEPLOY / "grafana"
    plugin = json.loads((grafana / "astrolabe-datasource" / "src" / "plugin.json").read_text())["id"]
    sources = yaml.safe_load((grafana / "provisioning" / "datasources" / "astrolabe.yaml").read_text())
    providers = yaml.safe_load((grafana / "provisioning" / "dashboards" / "astrolabe.yaml").read_text())
    image = (grafana / "Dockerfile").read_text()
    assert [source["type"] for source in sources["datasources"]] == [plugin]
    assert (sources["apiVersion"], providers["apiVersion"]) == (1, 1)
    assert set().union(*sources["datasources"]) <= SOURCE
    assert set().union(*providers["providers"]) <= PROVIDER
    for line in (
        f"/opt/plugins/{plugin}\n",
        "GF_PATHS_PLUGINS=/opt/plugins ",
        f"GF_PLUGINS_ALLOW_LOADING_UNSIGNED_PLUGINS={plugin} ",
        f"COPY deploy/grafana/dashboards {providers['providers'][0]['options']['path']}\n",
        "COPY deploy/grafana/provisioning /etc/grafana/provisioning\n",
    ):
        assert line in image


def test_services_of_the_grafana_compose_file_reach_each_other() -> None:
    services = yaml.safe_load((DEPLOY / "grafana" / "docker-compose.yml").read_text())["services"]
    assert set(services) == {"redis", "astrolabe", "grafana"}
    environment = services["astrolabe"]["environment"]
    assert environment == {
        "ENABLE_PERSISTENCE": "true",
        "REDIS_ADDR": "redis:6379",
        "ASTROLABE_ALLOWED_HOSTS": "astrolabe",
    }
    assert environment.keys() <= ENVIRONMENT
    assert "ASTROLABE_URL=http://astrolabe:8080" in (DEPLOY / "grafana" / "Dockerfile").read_text()
    assert (DEPLOY / "grafana" / services["grafana"]["build"]["context"]).resolve() == DEPLOY.parent


def test_services_wait_only_for_services_with_a_health_check() -> None:
    services = yaml.safe_load((DEPLOY / "grafana" / "docker-compose.yml").read_text())["services"]
    waited = {name for service in services.values() for name in service.get("depends_on", {})}
    assert waited == {"redis", "astrolabe"}
    assert "test" in services["redis"]["healthcheck"]
    assert (DEPLOY / "grafana" / services["astrolabe"]["build"]).resolve() == DEPLOY.parent
    assert "\nHEALTHCHECK " in (DEPLOY.parent / "Dockerfile").read_text()
    dockerfile = services["grafana"]["build"]["dockerfile"]
    assert (DEPLOY.parent / dockerfile) == DEPLOY / "grafana" / "Dockerfile"
