"""`astrolabe check` against a simulated API server and a real Redis."""

import asyncio
import re
import sys
from asyncio.subprocess import PIPE
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Thread

import click
import pytest
from redis import Redis

from astrolabe.bus.redis.keys import RedisKeys
from astrolabe.cli.check import check, report
from astrolabe.cli.check_finding import Finding
from astrolabe.settings import Settings
from astrolabe.sim.api.authorization import Authorizer
from astrolabe.sim.definitions import crd
from astrolabe.sim.event_kinds import CORE_EVENT
from astrolabe.sim.kubeconfig import kubeconfig_file
from astrolabe.sim.server import Simulator
from astrolabe.sim.store import ObjectStore
from tests.cli.checking import found, store
from tests.support.kinds import WATCHED
from tests.support.programs import program
from tests.support.redis_server import free_port, redis_server
from tests.support.redis_sites import nodes, watched


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator(store(), authorizer=Authorizer()) as simulator:
        yield simulator


async def test_everything_passes(simulator: Simulator) -> None:
    findings = await found(simulator)
    assert list(findings) == ["API server", *[kind.name for kind in WATCHED], "Event", "Rights"]
    assert {finding.outcome for finding in findings.values()} == {"ok"}
    assert {finding.advice for finding in findings.values()} == {""}
    assert findings["API server"].about.startswith(f"{simulator.url} v")
    assert findings["API server"].about.endswith("(context simulated, cluster simulated)")
    assert findings["CronJob"].about == "batch/v1"
    assert findings["Event"].about == "events.k8s.io/v1"
    assert findings["Rights"].about == "list and watch only"


async def test_missing_permissions(simulator: Simulator) -> None:
    optional = next(kind for kind in WATCHED if kind.optional)
    simulator.authorizer.restrict("Deployment")
    simulator.authorizer.restrict(optional.name)
    findings = await found(simulator)
    assert findings["Deployment"] == Finding(
        "Deployment",
        "optional",
        "grant list and watch on deployments.apps, as deploy/deployment.yaml does; without it, what depends on "
        "it is Unknown",
        about="apps/v1",
    )
    assert findings[optional.name].outcome == "optional"
    assert findings[optional.name].advice.startswith("to show it, grant list and watch on ")
    assert findings["Pod"].outcome == "ok"


async def test_kinds_that_the_cluster_does_not_serve() -> None:
    lacking = ("HorizontalPodAutoscaler", "NetworkPolicy", "Node", "ReplicaSet")
    store = ObjectStore([CORE_EVENT, *[kind for kind in WATCHED if kind.name not in lacking]])
    async with Simulator(store, authorizer=Authorizer()) as simulator:
        findings = await found(simulator)
    assert {name for name, each in findings.items() if each.outcome != "ok"} == set(lacking)
    # Of the first the whole group is missing, of the last a resource of one that is there.
    for name in ("HorizontalPodAutoscaler", "ReplicaSet"):
        assert (findings[name].outcome, findings[name].advice) == (
            "missing",
            "not served by this cluster; use Kubernetes 1.25 or later, or leave it out of --kinds",
        )
    for name in ("NetworkPolicy", "Node"):
        assert (findings[name].outcome, findings[name].advice) == (
            "optional",
            "not served by this cluster; the graph will have none",
        )


async def test_unreadable_events_are_named_and_do_not_fail_the_check(simulator: Simulator) -> None:
    simulator.authorizer.restrict("Event", ["shop"])
    assert (await found(simulator))["Event"] == Finding(
        "Event",
        "optional",
        "to say why where a manifest does not, grant list and watch on events.events.k8s.io, as "
        "deploy/deployment.yaml does; or set --events=off",
        about="events.k8s.io/v1",
    )
    assert "Event" not in await found(simulator, events="off")
    assert (await found(simulator, namespaces=("shop",)))["Event in shop"].outcome == "ok"


@pytest.mark.parametrize(
    ("groups", "about", "outcome"), [(("",), "v1", "ok"), ((), "events.k8s.io/v1", "optional")]
)
async def test_events_of_the_core_group_suffice(groups: tuple[str, ...], about: str, outcome: str) -> None:
    async with Simulator(store(), authorizer=Authorizer(), event_groups=groups) as simulator:
        finding = (await found(simulator))["Event"]
    assert (finding.about, finding.outcome) == (about, outcome)


def may_get(*plurals: str) -> list[dict[str, list[str]]]:
    return [{"verbs": ["get"], "apiGroups": [""], "resources": [*plurals]}]


async def test_helm_secrets_must_be_readable_if_requested(simulator: Simulator) -> None:
    assert "Helm details" not in await found(simulator)
    lacking = (await found(simulator, helm_details=True))["Helm details"]
    assert lacking == Finding(
        "Helm details",
        "optional",
        "to show what Helm keeps of its releases there, grant get on secrets and configmaps, as the chart "
        "does with helmDetails=true; or leave out --helm-details",
        about="get on secrets and configmaps",
    )
    simulator.authorizer.more = {"": may_get("secrets")}
    half = (await found(simulator, helm_details=True))["Helm details"]
    assert "grant get on configmaps, as" in half.advice
    simulator.authorizer.more = {"": may_get("secrets", "configmaps")}
    findings = await found(simulator, helm_details=True)
    assert (findings["Helm details"].outcome, findings["Rights"].outcome) == ("ok", "ok")


async def test_helm_secrets_are_read_in_watched_namespaces(simulator: Simulator) -> None:
    simulator.authorizer.more = {"shop": may_get("secrets")}
    settings = {"helm_details": True, "namespaces": ("shop", "web"), "kinds": ("Secret",)}
    findings = await found(simulator, **settings)
    assert findings["Helm details in shop"].outcome == "ok"
    assert findings["Helm details in web"].advice.startswith(
        "to show what Helm keeps of its releases there, grant get on secrets in web, as the chart does"
    )
    none = (await found(simulator, helm_details=True, kinds=("Pod",)))["Helm details"]
    assert none.advice == "--kinds leaves out Secret and ConfigMap, in which Helm keeps its releases"


async def test_check_of_some_namespaces_and_kinds(simulator: Simulator) -> None:
    simulator.authorizer.restrict("Service", ["shop"])
    findings = await found(simulator, namespaces=("shop", "web"), kinds=("Pod", "Service"))
    assert [(each.subject, each.outcome) for each in list(findings.values())[1:-1]] == [
        ("Pod in shop", "ok"),
        ("Pod in web", "ok"),
        ("Service in shop", "ok"),
        ("Service in web", "optional"),
        ("Event in shop", "ok"),
        ("Event in web", "ok"),
    ]
    assert findings["Service in web"].advice == (
        "grant list and watch on services in web, as deploy/overlays/namespace does; without it, what depends "
        "on it is Unknown"
    )


async def test_the_only_posts_are_access_reviews(simulator: Simulator) -> None:
    await found(simulator)
    asked = [request for request in simulator.request_log.requests if request.method != "GET"]
    assert Counter((request.method, request.path, request.write) for request in asked) == {
        ("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", False): 2 * (len(WATCHED) + 1),
        ("POST", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", False): len(
            ("default", "kube-system")
        ),
    }


async def test_without_an_api_server_nothing_else_is_checked(tmp_path: Path) -> None:
    with kubeconfig_file(f"http://127.0.0.1:{free_port()}") as path:
        (finding,) = await check(Settings(in_cluster=False, kubeconfig=path))
    assert finding.outcome == "missing"
    assert "Connection refused" in finding.advice
    (finding,) = await check(Settings(in_cluster=False, kubeconfig=str(tmp_path / "none")))
    assert (finding.subject, finding.outcome) == ("API server", "missing")
    assert "There is no kubeconfig at" in finding.advice


async def test_redis_is_checked_if_configured(simulator: Simulator) -> None:
    port = free_port()
    findings = await found(simulator, enable_persistence=True, redis_addr=f"127.0.0.1:{port}")
    finding = findings["Redis"]
    assert (finding.outcome, finding.about) == ("missing", f"127.0.0.1:{port}")
    assert finding.advice.endswith("; is --redis-addr right?")


Row = tuple[str, str]
KEEPS: Row = ("ok", "appendonly yes")
LOSES: Row = ("warning", "appendonly no")


@pytest.mark.parametrize(
    ("options", "rows"),
    [
        ((), (KEEPS, ("ok", "maxmemory 0: no limit"))),
        (("--maxmemory", "64mb"), (KEEPS, ("ok", "maxmemory-policy noeviction"))),
        (
            ("--appendonly", "no", "--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru"),
            (LOSES, ("warning", "maxmemory-policy allkeys-lru")),
        ),
    ],
)
async def test_redis_settings_that_may_lose_data(
    simulator: Simulator, tmp_path: Path, options: tuple[str, ...], rows: tuple[Row, ...]
) -> None:
    with redis_server(tmp_path, *options) as redis, kubeconfig_file(simulator.url) as path:
        settings = Settings(
            in_cluster=False,
            kubeconfig=path,
            kinds=("Pod",),
            enable_persistence=True,
            redis_addr=redis.address,
        )
        _, _, _, _, reached, scripts, messages, *kept = await check(settings)
    assert [scripts.outcome, messages.outcome] == ["ok", "ok"]
    assert (reached.outcome, reached.about.split()[0]) == ("ok", redis.address)
    assert tuple((each.outcome, each.about) for each in kept) == rows
    assert [bool(each.advice) for each in kept] == [each.outcome == "warning" for each in kept]


ITS_KEYS = {
    "astrolabe:metadata": "{}",
    "astrolabe:node:1": '{"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"…"}}',
    "astrolabe:node:2": "{}",
    "astrolabe:index:ns-kind:shop:Pod": "",
    "astrolabe:index:label:app=a b'c": "",
}


async def test_leftovers_of_the_original_in_redis_are_named_and_deletable(
    simulator: Simulator, tmp_path: Path
) -> None:
    cli = program("redis-cli", package="redis-tools")
    with redis_server(tmp_path) as redis, kubeconfig_file(simulator.url) as path, redis.client() as client:
        settings = Settings(
            in_cluster=False,
            kubeconfig=path,
            kinds=("Pod",),
            enable_persistence=True,
            redis_addr=redis.address,
        )
        others = {"{astrolabe:default}:nodes": "ours", "another": "another's"}
        client.mset(others)
        before = await check(settings)
        client.mset(ITS_KEYS)
        *same, finding = await check(settings)
        assert same == before
        assert (finding.subject, finding.outcome, finding.about) == (
            "Redis",
            "warning",
            "5 keys: astrolabe:index:*, astrolabe:metadata, astrolabe:node:*",
        )
        command = finding.advice.partition("delete them: ")[2]
        command = command.replace("redis-cli", f"{cli} -p {redis.address.rpartition(':')[2]}")
        shell = await asyncio.create_subprocess_exec("bash", "-euo", "pipefail", "-c", command, stdout=PIPE)
        assert await shell.wait() == 0
        assert sorted(client.keys()) == sorted(each.encode() for each in others)
        assert await check(settings) == before


def fill(client: Redis) -> None:
    client.config_set("maxmemory", 1)


def shut(rules: str) -> Callable[[Redis], None]:
    def forbid(client: Redis) -> None:
        client.execute_command("ACL", "SETUSER", "default", *rules.split())

    return forbid


@pytest.mark.parametrize(
    ("spoil", "about", "advice"),
    [
        (fill, "scripts with writes", "Redis is full and refuses writes; raise its maxmemory"),
        (shut("-eval"), "scripts with writes", "this user may not run scripts that write"),
        (shut("-@write"), "scripts with writes", "this user may not run scripts that write"),
        (
            shut("resetkeys ~other:*"),
            "scripts with writes",
            "give it ~{astrolabe:default}:* &{astrolabe:default}:*",
        ),
        (shut("resetchannels"), "publish and subscribe", "this user may not publish and subscribe"),
    ],
)
async def test_missing_redis_permissions(
    simulator: Simulator, tmp_path: Path, spoil: Callable[[Redis], None], about: str, advice: str
) -> None:
    with redis_server(tmp_path) as redis, kubeconfig_file(simulator.url) as path:
        with redis.client() as client:
            spoil(client)
        findings = await check(
            Settings(
                in_cluster=False,
                kubeconfig=path,
                kinds=("Pod",),
                enable_persistence=True,
                redis_addr=redis.address,
            )
        )
    (missing,) = [each for each in findings if each.outcome == "missing"]
    assert (missing.subject, missing.about) == ("Redis", about)
    assert advice in missing.advice


@contextmanager
def old_redis() -> Iterator[str]:
    """What answers whatever is asked as a Redis 6 does that is asked for INFO."""

    class Old(BaseRequestHandler):
        def handle(self) -> None:
            text = b"redis_version:6.2.14\r\nrole:master\r\n"
            info = b"$%d\r\n%b\r\n" % (len(text), text)
            while asked := self.request.recv(65536):
                for command in re.findall(rb"\*\d+\r\n\$\d+\r\n(\w+)\r\n", asked):
                    self.request.sendall(info if command == b"INFO" else b"+OK\r\n")

    with ThreadingTCPServer(("127.0.0.1", 0), Old) as server:
        server.daemon_threads = True
        Thread(target=server.serve_forever, name="old redis").start()
        yield f"redis://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@contextmanager
def locked_redis(folder: Path, password: str) -> Iterator[str]:
    with redis_server(folder, "--requirepass", "secret") as redis:
        yield f"redis://{password}{redis.address}"


@contextmanager
def replica(folder: Path) -> Iterator[str]:
    with redis_server(folder, "--replicaof", "127.0.0.1 1") as redis:
        yield f"redis://{redis.address}"


@contextmanager
def sentinel(folder: Path) -> Iterator[str]:
    with watched(folder) as site:
        yield f"redis://127.0.0.1:{site.sentinel}"


@contextmanager
def node_of_a_cluster(folder: Path) -> Iterator[str]:
    """That does not own the slot of our keys."""
    with nodes(folder, RedisKeys("default").position) as site:
        yield f"redis://{next(server for server in site.servers if server is not site.owner).address}"


@pytest.mark.parametrize(
    ("site", "advice"),
    [
        (lambda folder: locked_redis(folder, ""), "requires a password; set REDIS_PASSWORD"),
        (lambda folder: locked_redis(folder, ":wrong@"), "does not accept the user or password"),
        (lambda _: old_redis(), "is version 6.2.14; 7.0 or later is required"),
        (replica, "is a read-only replica; use the address of its primary"),
        (sentinel, "a Sentinel answers at"),
        (node_of_a_cluster, "this is a node of a Redis Cluster; set REDIS_URL to redis+cluster://host:port"),
    ],
    ids=["no password", "wrong password", "too old", "replica", "sentinel", "node of a cluster"],
)
async def test_a_redis_that_does_not_match_its_address(
    simulator: Simulator, tmp_path: Path, site: Callable[[Path], AbstractContextManager[str]], advice: str
) -> None:
    with site(tmp_path) as url, kubeconfig_file(simulator.url) as path:
        findings = await check(
            Settings(
                in_cluster=False, kubeconfig=path, kinds=("Pod",), enable_persistence=True, redis_url=url
            )
        )
    missing = [each for each in findings if each.outcome == "missing"]
    assert {each.subject for each in missing} == {"Redis"}
    assert [advice in each.advice for each in missing] == [True], missing


def plain(*findings: Finding) -> list[str]:
    return click.unstyle(report(findings)).splitlines()


def test_the_report() -> None:
    server = Finding("API server", "ok", about="https://10.0.0.1 v1.33.1")
    pod = Finding("Pod", "missing", "grant it", about="v1")
    assert plain(server, pod) == [
        "ok        API server  https://10.0.0.1 v1.33.1",
        "missing   Pod         v1",
        "          → grant it",
        "",
        "1 missing: Astrolabe could not serve.",
    ]
    assert plain(server)[1:] == ["", "Everything is in place."]
    less = (Finding("Node", "optional", "grant it"), Finding("Redis", "warning", "set it"))
    assert plain(server, *less)[-1] == "Astrolabe can start; 2 could be improved."


async def test_the_command_exits_1_if_something_is_missing(simulator: Simulator) -> None:
    async def run() -> tuple[int | None, str]:
        with kubeconfig_file(simulator.url) as path:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "astrolabe.cli", "check", "--in-cluster=false", "--kubeconfig", path),
                stdout=PIPE,
            )
            out, _ = await process.communicate()
        return process.returncode, out.decode()

    code, out = await run()
    assert code == 0
    assert out.splitlines()[0].split()[:4] == ["ok", "API", "server", simulator.url]
    simulator.authorizer.restrict("Deployment")
    code, out = await run()
    assert code == 0
    assert "grant list and watch on deployments.apps, as deploy/deployment.yaml does" in out
    simulator.authorizer.tokens["only"] = "nobody has it"
    code, out = await run()
    assert code == 1
    assert "Astrolabe could not serve." in out


async def test_custom_kinds_are_watched_unreadable_noise_or_left_out(simulator: Simulator) -> None:
    for kind, group in (
        ("Certificate", "cert-manager.io"),
        ("Order", "acme.cert-manager.io"),
        ("CiliumEndpoint", "cilium.io"),
        ("Widget", "example.com"),
    ):
        simulator.store.define(crd(kind, group))
    simulator.authorizer.restrict("Widget.example.com")
    words = ("auto", "-Order.acme.cert-manager.io")
    findings = await found(simulator, custom_resources=words)
    assert {name: each.outcome for name, each in findings.items() if "." in name} == {
        "Order.acme.cert-manager.io": "left out",
        "Certificate.cert-manager.io": "ok",
        "CiliumEndpoint.cilium.io": "noise",
        "Widget.example.com": "optional",
    }
    assert findings["CiliumEndpoint.cilium.io"].advice == (
        "one for each Pod, address or node of the network; "
        "--custom-resources=auto,CiliumEndpoint.cilium.io switches it on"
    )
    assert findings["Widget.example.com"].advice == (
        "to show it, grant list and watch on widgets.example.com, as deploy/deployment.yaml does"
    )
    assert findings["Rights"].outcome == "ok"
    assert report(list(findings.values())).endswith("Astrolabe can start; 1 could be improved.")
    assert not [name for name in await found(simulator, custom_resources=("none",)) if "." in name]
