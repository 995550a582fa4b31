"""The composition root: what one process consists of, in the order in which it starts.

What starts last stops first. A task that ends unexpectedly ends the process.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import resource
import signal
import socket
import time
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, suppress
from types import MappingProxyType
from typing import Any

from astrolabe import __version__, telemetry
from astrolabe.bus.redis.connection import address_of
from astrolabe.engine.serving_state import ClusterInfo
from astrolabe.garbage import GC_THRESHOLDS, collect_periodically
from astrolabe.http.access.authentication import ApiTokens
from astrolabe.http.access.measured_reviews import MeasuredReviews
from astrolabe.http.access.rights import KubernetesRights
from astrolabe.http.errors import FileError
from astrolabe.http.rest.release_details import HelmKnowledge
from astrolabe.http.scopes.namespaces import NamespaceCounts
from astrolabe.http.server import UserAccess, create_server
from astrolabe.http.source import GraphSource
from astrolabe.kinds.builtin import builtin_catalogue
from astrolabe.kube.access_reviews import AccessReviews
from astrolabe.kube.client import Cluster
from astrolabe.kube.helm_reader import HelmReader
from astrolabe.kube.role_watch import RoleWatch
from astrolabe.memory import trim_periodically
from astrolabe.modes.replicated import ReplicatedMode, replicated
from astrolabe.modes.standalone import StandaloneMode, standalone
from astrolabe.modes.supervisor import Supervisor
from astrolabe.modes.union.union_mode import UnionMode, union
from astrolabe.settings import DEFAULT_CLUSTER, Settings

logger = logging.getLogger("astrolabe.app")

#: Seconds after which the process ends even if stopping has not finished.
LONGEST_STOP = 8.0

#: Open files to ask for. Shells and systemd allow 1024, but 300 watches and 2,000 streams need more.
MOST_FILES = 16_384

#: Starts a task.
Work = Callable[[], Coroutine[Any, Any, None]]


class Application:
    """Serves one cluster.

    extra_tasks: by name, what else runs as long as the application. listener: a listening socket to use
        instead of the host and port of the settings. opened: called with the URL once the graph of the whole
        cluster is served.
    port: the port it listens on once started; the system chooses one if that of the settings is 0.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        extra_tasks: Mapping[str, Work] = MappingProxyType({}),
        listener: socket.socket | None = None,
        opened: Callable[[str], None] | None = None,
    ) -> None:
        self.port = settings.port
        self._settings = settings
        self._extra_tasks = extra_tasks
        self._listener = listener
        self._opened = opened
        self._supervisor = Supervisor()
        self._started = asyncio.Event()
        self._source: StandaloneMode | ReplicatedMode | UnionMode

    async def start(self) -> None:
        """Serve, and sync in the background.

        Raises ClusterError, BusError or ServerError, and nothing is left running then.
        """
        async with AsyncExitStack() as failed_start:
            failed_start.push_async_callback(self.stop)
            await self._start()
            failed_start.pop_all()

    async def _start(self) -> None:
        settings, supervisor = self._settings, self._supervisor
        began = asyncio.get_running_loop().time()
        source = await self._open_source()
        self._source = source
        supervisor.spawn(source.state.run(), name="state")
        helm = self._open_helm(source)
        access = await self._open_access(source) if settings.asks_for_rights else None
        server = create_server(settings, source, listener=self._listener, helm=helm, access=access)
        supervisor.on_close(server.stop)
        self.port = await server.start()
        supervisor.spawn(self._announce(began), name="announcer", may_end=True)
        supervisor.spawn(trim_periodically(), name="memory")
        for name, work in self._extra_tasks.items():
            supervisor.spawn(work(), name=name)
        self._started.set()

    def _open_helm(self, source: StandaloneMode | ReplicatedMode | UnionMode) -> HelmKnowledge:
        """Read what Helm keeps, if that is wanted."""
        settings = self._settings
        if isinstance(source, UnionMode):
            return source.helm
        helm = HelmReader(lambda: Cluster.connect(settings), lambda: source.hub.graph.releases)
        if settings.helm_details:
            self._supervisor.spawn(helm.run(), name="helm details")
        return helm

    async def _open_source(self) -> StandaloneMode | ReplicatedMode | UnionMode:
        settings, supervisor = self._settings, self._supervisor
        catalogue = builtin_catalogue().only(settings.kinds)
        if settings.is_union:
            _log_start(settings, "several clusters")
            return await union(settings, catalogue, supervisor=supervisor)
        cluster = await Cluster.connect(settings)
        supervisor.on_close(cluster.close)
        _log_start(settings, f"cluster {cluster.host} by {cluster.origin}")
        mode = replicated if settings.enable_persistence else standalone
        info = _describe_cluster(settings, cluster)
        return await mode(settings, catalogue, cluster, info=info, supervisor=supervisor)

    async def _open_access(self, source: GraphSource) -> UserAccess:
        """Ask the API server who users are and what they may see, over a connection of its own; that of each
        cluster, if there are several."""
        settings, supervisor = self._settings, self._supervisor
        asks_for_tokens = "kubernetes" in settings.auth_modes
        if isinstance(source, UnionMode) and source.access is not None:
            union = source.access
            return UserAccess(union.rights, [union.tokens] if asks_for_tokens else [], union.reviews)
        cluster = await Cluster.connect(settings)
        supervisor.on_close(cluster.close)
        reviewer = MeasuredReviews(AccessReviews(cluster), clock=time.monotonic)
        grants = RoleWatch(cluster, settings.namespaces)
        namespaces = NamespaceCounts(source.hub)
        rights = KubernetesRights(
            reviewer, grants, source.catalogue, namespaces=namespaces.names, clock=time.monotonic
        )
        supervisor.spawn(grants.run(), name="roles")
        supervisor.spawn(rights.run(), name="rights")
        ways = [ApiTokens(reviewer, clock=time.monotonic)] if asks_for_tokens else []
        return UserAccess(rights, ways, reviewer.counters)

    async def ready(self) -> None:
        """Wait until it has started and serves the graph of the whole cluster."""
        await self._started.wait()
        await self._source.ready()

    async def stop(self) -> None:
        """Take leave of the clients and end everything. Does nothing if nothing runs."""
        await self._supervisor.close()

    async def run_until_signal(self) -> None:
        """Start, serve until SIGTERM or SIGINT, and stop. Raises what `start` raises, and TaskFailed."""
        loop = asyncio.get_running_loop()
        signalled = _first_signal(loop)
        work = asyncio.create_task(self._work(), name="application")
        try:
            await asyncio.wait((work, signalled), return_when=asyncio.FIRST_COMPLETED)
            began = loop.time()
            if not work.done():
                logger.info("%s: stopping", signalled.result().name)
                work.cancel()
            with suppress(asyncio.CancelledError):
                await work
        finally:
            await self._stop_in_time()
        logger.info("stopped in %.1f s", loop.time() - began)

    async def _work(self) -> None:
        await self.start()
        self._supervisor.spawn(collect_periodically(self.ready), name="garbage collector")
        await self._supervisor.wait_for_failure()

    async def _stop_in_time(self) -> None:
        try:
            async with asyncio.timeout(LONGEST_STOP):
                await self.stop()
        except TimeoutError:
            logger.error("stopping takes longer than %.0f s; ending now", LONGEST_STOP)

    async def _announce(self, began: float) -> None:
        source = self._source
        await source.ready()
        source.state.refresh()  # clients hear at once that the graph is complete
        seconds = asyncio.get_running_loop().time() - began
        given = self._settings.host
        host = "localhost" if given in ("", "0.0.0.0", "::") else given
        place = f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"
        graph = source.hub.graph
        counts = f"{len(graph.nodes)} nodes, {graph.edge_count} edges"
        scheme = "https" if self._settings.tls_cert_file else "http"
        logger.info("serving %s://%s, %s, synced in %.1f s", scheme, place, counts, seconds)
        if self._opened is not None:
            self._opened(f"{scheme}://{place}")


async def serve(
    settings: Settings,
    *,
    extra_tasks: Mapping[str, Work] = MappingProxyType({}),
    listener: socket.socket | None = None,
    opened: Callable[[str], None] | None = None,
) -> None:
    """Serve the cluster of the settings until a signal comes. The arguments are those of `Application`.

    Raises ClusterError, BusError, ServerError, TaskFailed.
    """
    telemetry.configure(
        verbosity=settings.verbosity, log_format=settings.log_format, several=settings.workers > 1
    )
    if settings.audit_log:
        _open_audit_log(settings.audit_log)
    gc.set_threshold(*GC_THRESHOLDS)
    _raise_file_limit()
    application = Application(settings, extra_tasks=extra_tasks, listener=listener, opened=opened)
    try:
        await application.run_until_signal()
    finally:
        telemetry.close_audit()


def _open_audit_log(path: str) -> None:
    try:
        telemetry.configure_audit(path)
    except OSError as error:
        raise FileError(f"the audit log {path} cannot be written: {error.strerror}") from error


def _raise_file_limit() -> None:
    """Permit as many open files as the system does, within reason: each watch has one, and each client."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(ValueError, OSError):  # macOS has a limit of its own
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _first_signal(loop: asyncio.AbstractEventLoop) -> asyncio.Future[signal.Signals]:
    """The first signal that asks to stop. Further ones do nothing."""
    first: asyncio.Future[signal.Signals] = loop.create_future()

    def note(number: signal.Signals) -> None:
        if not first.done():
            first.set_result(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, note, number)
    return first


def _log_start(settings: Settings, followed: str) -> None:
    """followed: which cluster, or that there are several."""
    selector = (
        f"{settings.label_selector} ({settings.selector_mode})" if settings.label_selector else "everything"
    )
    logger.info(
        "astrolabe %s: graph in %s, %s, selector %s, namespaces %s, kinds %s, clients %s",
        __version__,
        _storage(settings),
        followed,
        selector,
        ",".join(settings.namespaces) or "all",
        ",".join(settings.kinds) or "all",
        f"by {settings.auth}" if settings.auth_modes else "without a token",
    )


def _describe_cluster(settings: Settings, cluster: Cluster) -> ClusterInfo:
    """The cluster, under the name from the settings or else from the kubeconfig."""
    named = settings.cluster_name != DEFAULT_CLUSTER
    name = settings.cluster_name if named else cluster.name
    return ClusterInfo(name=name, context=cluster.context, server=cluster.host)


def _storage(settings: Settings) -> str:
    if not settings.enable_persistence:
        return "memory"
    return f"Redis at {address_of(settings)} as {settings.cluster_name}"
