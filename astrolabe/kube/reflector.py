"""The loop that keeps one kind in sync with the API server: list, watch, and recover from failures.

Modelled on client-go's tools/cache/reflector.go, with two differences. Lists have no resourceVersion, so they
are consistent and never older than the known state. And one place decides how to continue after a failure
(`retry`).
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from random import Random
from typing import NoReturn

from astrolabe.engine.inbox import KindRemoved, Sink, UnavailableCause, WatchState, WatchStatus
from astrolabe.kinds.watched import WatchedKind
from astrolabe.kube.client import Cluster, ClusterResponse
from astrolabe.kube.decoder import ListWatchDecoder, older_version
from astrolabe.kube.errors import (
    MAX_TEXT,
    ApiError,
    ClusterError,
    NotTheApi,
    RequestFailed,
    TooLarge,
    TooManyObjects,
    WatchEnded,
    forget_frames,
)
from astrolabe.kube.events import MAX_SINGLE_BYTES
from astrolabe.kube.health import OutageLog, WatchHealth
from astrolabe.kube.lines import LineSplitter
from astrolabe.kube.paging import PageSize
from astrolabe.kube.posts import JSON
from astrolabe.kube.retry import RetryPolicy, retry_policy_of
from astrolabe.kube.timing import WatchTiming

log = logging.getLogger("astrolabe.kube")

METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"

_FIELD_SELECTOR = "fieldSelector"

#: Bytes of a page: 500 objects of 100 kB. If they are larger, pages have fewer objects.
MAX_PAGE_BYTES = 64 * 2**20


class Reflector:
    """Lists and watches one kind, in one namespace or in all (""), and sends messages to the sink.

    health: what /health shows of this watch.
    """

    def __init__(
        self,
        kind: WatchedKind,
        cluster: Cluster,
        sink: Sink,
        *,
        random: Random,
        clock: Callable[[], float],
        namespace: str = "",
        label_selector: str = "",
        timing: WatchTiming | None = None,
        outages: OutageLog | None = None,
        longest_page: int = MAX_PAGE_BYTES,
        most: int | None = None,
        too_many: Callable[[str], None] = lambda _: None,
        expected: bool = True,
    ) -> None:
        """clock: monotonic seconds. label_selector: the API server filters by it; "" for everything.

        outages: shared with the other watches of this cluster. most: objects of a list, beyond which the
        watch gives up, and calls `too_many` with the kind. expected: whether a refusal is worth a warning.
        """
        self.health = WatchHealth(kind.key, namespace)
        self._kind = kind
        self._cluster = cluster
        self._sink = sink
        self._random = random
        self._clock = clock
        self._timing = timing or WatchTiming()
        alternatives = [kind] if kind.alternative is None else [kind, kind.alternative]
        #: Where to ask, the current path first; and how many refused since the last one that answered.
        self._paths = deque(each.path_in(namespace) if namespace else each.path for each in alternatives)
        self._refused_paths = 0
        self._selector = {"labelSelector": label_selector} if label_selector else {}
        if kind.field_selector:
            self._selector[_FIELD_SELECTOR] = kind.field_selector
        self._decoder = ListWatchDecoder(kind, sink, health=self.health, clock=clock, most=most)
        self._too_many = too_many
        self._refused_level = logging.WARNING if expected else logging.INFO
        self._backoff = self._timing.backoff(random=random, clock=clock)
        self._outages = outages or OutageLog()
        self._longest_page = longest_page
        self._use_watch_list = True
        self._refused_since: float | None = None
        self._absent_since: float | None = None
        self._is_gone = False
        self._received_at = 0.0
        #: When to check the version of the API server next, and whether it has gone back.
        self._check_at = clock() + self._timing.version_check * random.uniform(0.5, 1.0)
        self._is_behind = False

    async def run(self) -> NoReturn:
        """Keep the kind in sync until cancelled. Each call begins with a new list."""
        self._decoder.position = ""
        await self._report("listing")
        while True:
            try:
                await self._advance()
            except TooManyObjects:
                self._too_many(self._kind.key)
                await asyncio.Event().wait()  # until the watch is ended
            except RequestFailed as error:
                forget_frames(error)
                await self._recover(error)

    async def _advance(self) -> None:
        if self._decoder.position:
            await self._watch()
        elif self._use_watch_list:
            await self._watch_list()
        else:
            await self._list()

    async def _watch_list(self) -> None:
        """List and watch in one stream (KEP-3157). An annotated bookmark ends the initial objects."""
        self._decoder.begin_list()
        await self._follow({"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"})

    async def _watch(self) -> None:
        await self._follow({"resourceVersion": self._decoder.position})

    async def _follow(self, params: Mapping[str, str]) -> None:
        """Run one watch to its end. Raises RequestFailed if it ends irregularly."""
        timing = self._timing
        seconds = max(1, round(self._random.uniform(timing.watch_shortest, timing.watch_longest)))
        watch = {"watch": "1", "allowWatchBookmarks": "true", "timeoutSeconds": str(seconds)}
        began, position = self._clock(), self._decoder.position
        self._decoder.begin_connection()
        async with self._cluster.stream(
            self._paths[0],
            {**watch, **params, **self._selector},
            accept=METADATA if self._kind.metadata_only else JSON,
            read_timeout=seconds + timing.read_margin,
        ) as answer:
            await self._connected()
            await self._read_guarded(answer)
        # Also a regular end may be that of an API server that is being replaced.
        self._check_version_soon()
        if self._decoder.listing:
            raise WatchEnded("the watch ended before its initial list was complete")
        if position and self._clock() - began < timing.short_watch and self._decoder.position == position:
            raise WatchEnded("the watch ended at once, without an event")

    async def _read_guarded(self, answer: ClusterResponse) -> None:
        """Read an answer until it ends, goes silent, or the API server has gone back to an older version.

        Raises WatchEnded if it goes silent: neither events nor the expected bookmarks arrive.
        """
        try:
            async with asyncio.timeout(None) as timeout:
                guard = asyncio.create_task(self._guard(timeout), name=f"guard {self.health.label}")
                try:
                    await self._read_lines(answer)
                finally:
                    guard.cancel()
                    # `await guard` would take a cancellation of this task for that of the guard.
                    await asyncio.wait([guard])
                    if not guard.cancelled():
                        guard.result()
        except TimeoutError as error:
            if not self._is_behind:
                raise WatchEnded("the watch went silent: the expected bookmarks did not come") from error
            self._is_behind = False
            self._decoder.position = ""

    async def _guard(self, timeout: asyncio.Timeout) -> None:
        """Expire the timeout of a watch that goes silent.

        An event only updates a timestamp, so it costs nothing.
        """
        self._received_at = self._clock()
        while True:
            now, interval = self._clock(), self._decoder.bookmark_interval
            if now >= self._check_at and await self._went_back():
                break
            longest = max(self._timing.silence, 3 * (interval or 0.0))
            left = self._received_at + longest - now
            if left <= 0 and interval is not None:
                break
            wait = min(left if left > 0 else longest, self._check_at - self._clock())
            await asyncio.sleep(max(0.01, wait))
        timeout.reschedule(asyncio.get_running_loop().time())

    def _check_version_soon(self) -> None:
        soon = self._clock() + self._timing.version_check_after * self._random.random()
        self._check_at = min(self._check_at, soon)

    async def _went_back(self) -> bool:
        """Whether the API server is at an older version than our position, so that our objects are outdated.

        A list without resourceVersion is consistent, so an API server that merely lags behind others is not
        mistaken for one that went back.
        """
        self._check_at = self._clock() + self._timing.version_check * self._random.uniform(0.8, 1.2)
        position = self._decoder.position
        if not position:
            return False
        try:
            version = older_version(await self._read_first(), position)
        except RequestFailed as error:
            log.debug("%s: the version of the API server is unknown: %s", self.health.label, error)
            if not (isinstance(error, ApiError) and error.code < 500):
                self._check_version_soon()
            return False
        if version:
            log.warning(
                "%s: the API server went back from version %s to %s (restored from a backup?); relisting",
                *(self.health.label, position, version),
            )
        self._is_behind = bool(version)
        return self._is_behind

    async def _read_lines(self, answer: ClusterResponse) -> None:
        lines = LineSplitter()
        while chunk := await self._next_chunk(answer):
            self._received_at = self._clock()
            complete = lines.feed(chunk)
            del chunk  # it may be 1 MB large, and the next chunk of an idle watch may take long
            await self._decoder.decode_lines(complete)
            del complete

    async def _next_chunk(self, answer: ClusterResponse) -> bytes:
        if not self._decoder.listing:
            return await answer.read()
        timeout = self._decoder.progressed_at + self._timing.initial_silence - self._clock()
        try:
            async with asyncio.timeout(max(0.0, timeout)):
                return await answer.read()
        except TimeoutError as error:
            raise WatchEnded("the initial list stopped without its end bookmark") from error

    async def _list(self) -> None:
        """List page by page. The continue token makes all pages have the same resourceVersion.

        A page that is too large is requested again with fewer objects. A single object that is too large is
        skipped.
        """
        self._decoder.begin_list()
        token = resource_version = ""
        pages = PageSize(self._longest_page)
        while True:
            before = token
            resource_version, token = await self._fetch_page(pages, token)
            if not token:
                break
            if token == before:
                raise NotTheApi("the list does not end: its continue token repeats")
        await self._decoder.end_list(resource_version)

    async def _fetch_page(self, pages: PageSize, token: str) -> tuple[str, str]:
        """The next page: see `ListWatchDecoder.decode_page`."""
        while True:
            try:
                body = await self._read_list(pages.limit, token)
            except TooLarge as error:
                if pages.limit > 1:
                    pages.shrink()
                    continue
                await self._connected()
                pages.skip()
                return self._decoder.skip_page(error.beginning)
            await self._connected()
            pages.note(len(body))
            return await self._decoder.decode_page(body)

    async def _read_first(self) -> bytes:
        """The list with its first object only, or the beginning of it if the object is too large."""
        try:
            return await self._read_list(1)
        except TooLarge as error:
            return error.beginning

    async def _read_list(self, limit: int, token: str = "") -> bytes:
        return await self._cluster.read(
            self._paths[0],
            {"limit": str(limit), **self._selector, **({"continue": token} if token else {})},
            accept=METADATA_LIST if self._kind.metadata_only else JSON,
            read_timeout=self._timing.list_silence,
            longest=self._longest_page if limit > 1 else min(self._longest_page, MAX_SINGLE_BYTES),
        )

    async def _connected(self) -> None:
        """Note that the server answers. Log and report it if that is news."""
        health = self.health
        self._outages.end(health.label)
        self._refused_since = self._absent_since = None
        self._is_gone = False
        self._refused_paths = 0
        health.connected, health.lost_since = True, None
        if health.state == "unavailable":
            log.info("%s: connected again", health.label)
            await self._report("listing")

    async def _recover(self, error: RequestFailed) -> None:
        if self._asks_otherwise(error):
            log.info("%s: %s; asking %s otherwise", self.health.label, error, self._paths[0])
            return
        listing = self._decoder.listing
        policy = retry_policy_of(error, watch_list=self._use_watch_list and not self._decoder.position)
        if policy.relist:
            self._decoder.position = ""
        if policy.plain_list:
            self._use_watch_list = False
            log.info(
                "%s: the server does not support watch-lists, using list and watch (%s)",
                self.health.label,
                error,
            )
        if policy.wait == "no":
            return
        self._check_version_soon()
        if policy.routine and not listing:
            log.debug("%s: relisting (%s)", self.health.label, error)
        else:
            policy = self._with_refusal_grace(policy)
            await self._note_failure(policy, str(error)[:MAX_TEXT])
            await self._track_absence(error)
        if policy.reload:
            await self._reload()
        await asyncio.sleep(self._delay(policy, error))

    def _asks_otherwise(self, error: RequestFailed) -> bool:
        """Whether to ask at once in another way: elsewhere, or without a filter that the server lacks."""
        if not isinstance(error, ApiError):
            return False
        if error.code == 400 and _FIELD_SELECTOR in self._selector and "field label" in error.message:
            del self._selector[_FIELD_SELECTOR]
        elif error.code in (403, 404) and len(self._paths) > 1:
            self._paths.rotate(-1)
            self._refused_paths = (self._refused_paths + 1) % len(self._paths)
            if not self._refused_paths:
                return False
        else:
            return False
        self._decoder.position = ""
        return True

    def _with_refusal_grace(self, policy: RetryPolicy) -> RetryPolicy:
        """Treat a recent refusal as temporary.

        An API server that has just started does not know any roles yet, and forbids everything for a second.
        """
        if not policy.unavailable:
            self._refused_since = None
            return policy
        now = self._clock()
        since = self._refused_since = now if self._refused_since is None else self._refused_since
        if now - since >= self._timing.refusal_grace:
            return policy
        return replace(policy, wait="backoff", cause="" if self.health.state == "synced" else policy.cause)

    async def _track_absence(self, error: RequestFailed) -> None:
        """Report a kind as removed after a long series of 404. Broken connections do not count."""
        if not isinstance(error, ApiError):
            return
        if error.code != 404:
            self._absent_since = None
            return
        now = self._clock()
        self._absent_since = now if self._absent_since is None else self._absent_since
        if not self._is_gone and now - self._absent_since >= self._timing.absence:
            self._is_gone = True
            await self._sink.put(KindRemoved(self._kind.key, self.health.namespace))

    async def _note_failure(self, policy: RetryPolicy, why: str) -> None:
        """Log a failure if it changes the state, and report it if the engine has to know."""
        health = self.health
        state: WatchState = "unavailable" if policy.unavailable else health.state
        news = health.connected or not health.failures or state != health.state
        if state == "unavailable":
            self._outages.forget(health.label)
            log.log(self._refused_level if news else logging.DEBUG, "%s: %s", health.label, why)
        else:
            self._outages.begin(health.label, why, news=news and self._refused_since is None)
        if health.connected:
            health.lost_since = self._clock()
        health.connected = False
        health.failures += 1
        health.tried.set()
        health.last_error = why
        # The engine need not know of a lost connection if the kind is synced, because its objects are still
        # served, or if the kind was refused, because it is missing as before.
        is_news = policy.unavailable or state == "listing"
        if is_news and (state, why) != (health.state, health.why):
            await self._report(state, why, policy.cause)

    async def _report(self, state: WatchState, why: str = "", cause: UnavailableCause = "") -> None:
        health = self.health
        health.state, health.why, health.cause = state, why, cause
        await self._sink.put(WatchStatus(self._kind.key, health.namespace, state, why, cause))

    async def _reload(self) -> None:
        try:
            await self._cluster.reload()
        except ClusterError as error:
            log.warning("%s: %s", self.health.label, error)

    def _delay(self, policy: RetryPolicy, error: RequestFailed) -> float:
        if policy.wait == "slowly":
            return self._timing.slow_retry * self._random.uniform(0.5, 1.5)
        return self._backoff.delay(error.retry_after if isinstance(error, ApiError) else None)
