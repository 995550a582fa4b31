import json
from pathlib import Path

from astrolabe.sim.kubeconfig import kubeconfig, kubeconfig_file


def test_one_context_leads_to_the_server() -> None:
    config = json.loads(kubeconfig("http://127.0.0.1:1", name="here", user={"token": "t"}))
    (cluster,), (user,), (context,) = config["clusters"], config["users"], config["contexts"]
    assert context["name"] == config["current-context"] == "here"
    assert (context["context"]["cluster"], context["context"]["user"]) == (cluster["name"], user["name"])
    assert (cluster["cluster"], user["user"]) == ({"server": "http://127.0.0.1:1"}, {"token": "t"})


def test_the_file_is_deleted_afterwards() -> None:
    with kubeconfig_file("http://127.0.0.1:1") as path:
        assert json.loads(Path(path).read_text())["users"] == [{"name": "simulated", "user": {}}]
    assert not Path(path).exists()
