import msgspec

from astrolabe.kinds.pod import Pod, Reference, RemoteVolume, Volume


def test_values_and_output_of_containers_are_never_decoded() -> None:
    secret = "s3cr3t-must-never-leak"
    container = {
        "name": "app",
        "command": ["sh", "-c", secret],
        "args": [secret],
        "env": [{"name": "PASSWORD", "value": secret}],
        "lifecycle": {"postStart": {"exec": {"command": [secret]}}},
    }
    state = {"terminated": {"exitCode": 1, "reason": "Error", "message": secret}}
    manifest = {
        "metadata": {"name": "x", "annotations": {"a": secret}, "managedFields": [{"manager": secret}]},
        "spec": {"containers": [container], "volumes": [{"name": "v", "hostPath": {"path": secret}}]},
        "status": {"containerStatuses": [{"name": "app", "state": state, "lastState": state}]},
    }
    pod = msgspec.json.decode(msgspec.json.encode(manifest), type=Pod)
    assert secret not in repr(pod)
    assert "PASSWORD" in repr(pod)


def test_the_sources_that_may_name_a_secret() -> None:
    remote = RemoteVolume(secret_ref=Reference(name="s"))
    names = [name for name, source in Volume(rbd=remote, storageos=remote).remotes() if source is remote]
    assert names == ["rbd", "storageos"]
    assert [source for _, source in Volume().remotes()] == [None] * 7
