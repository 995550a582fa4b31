"""Handles requests: authentication, faults, authorization, and then the list, watch or object."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec
from aiohttp import web

from astrolabe.kinds.event import EVENT
from astrolabe.kinds.kind import Kind
from astrolabe.sim.api.authorization import Authorizer
from astrolabe.sim.api.discovery import discovery_page
from astrolabe.sim.api.encoding import ObjectEncoder, negotiate_encoder
from astrolabe.sim.api.errors import StatusError, bad_request, method_not_allowed, no_such_object
from astrolabe.sim.api.eviction import SUCCESS, Evictor, is_dry_run, pod_of
from astrolabe.sim.api.list_options import ListOptions, is_watch, parse_list_options
from astrolabe.sim.api.listing import answer_list
from astrolabe.sim.api.reviews import Reviews
from astrolabe.sim.api.target import Routes, Target
from astrolabe.sim.api.watching import WatchResponse
from astrolabe.sim.event_kinds import CORE_EVENT, NEW_EVENT
from astrolabe.sim.faults import AbortConnection, FaultInjector, InjectedFault, Lines
from astrolabe.sim.request_log import RecordedRequest, RequestLog, is_write
from astrolabe.sim.store import Collection, ObjectStore

_REVIEWS = {
    f"/apis/{group}/v1/{kind.lower()}s": kind
    for group, kind in (
        ("authorization.k8s.io", "SelfSubjectAccessReview"),
        ("authorization.k8s.io", "SelfSubjectRulesReview"),
        ("authorization.k8s.io", "SubjectAccessReview"),
        ("authentication.k8s.io", "TokenReview"),
    )
}
_HEADERS = {"Cache-Control": "no-cache, private"}

#: Larger bodies are sent in chunks of this many bytes, so that a large list does not delay every watch.
_PIECE = 256 * 1024


@dataclass(frozen=True)
class _Call:
    """One request for a served kind, and the faults that apply to it."""

    request: web.Request
    target: Target
    verb: str
    faults: Sequence[InjectedFault]


class Handler:
    """Answers requests from the store. See `Simulator` for the parameters."""

    def __init__(
        self,
        store: ObjectStore,
        *,
        authorizer: Authorizer,
        faults: FaultInjector,
        request_log: RequestLog,
        bookmark_interval: float,
        event_groups: Sequence[str],
        event_fields: Sequence[str],
        evicts: bool,
    ) -> None:
        #: Whether there is aggregated discovery, as since Kubernetes 1.26.
        self.aggregates = True
        self._store = store
        self._evictor = Evictor(store)
        self._evicts = evicts
        self._authorizer = authorizer
        self._faults = faults
        self._reviews = Reviews(authorizer, store)
        self._request_log = request_log
        self._interval = bookmark_interval
        self._event_groups = event_groups
        self._event_fields = event_fields
        self._served_version = -1
        self._kinds: list[Kind[Any]] = []
        self._routes = Routes(())

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request. All failures are handled here."""
        if self._served_version != self._store.served_version:
            self._served_version = self._store.served_version
            self._kinds = self._served_kinds()
            self._routes = Routes(self._kinds)
        try:
            return await self._answer(request)
        except StatusError as refusal:
            response = self._reply(refusal.body, status=refusal.status, content_type=refusal.content_type)
            if refusal.retry_after is not None:
                response.headers["Retry-After"] = str(refusal.retry_after)
            return response
        except AbortConnection:
            return _abort(request)

    def _served_kinds(self) -> list[Kind[Any]]:
        """The kinds of the store. Event is served in two API groups."""
        kinds = self._store.kinds
        if EVENT not in self._store.collections:
            return kinds
        events = [kind for kind in (CORE_EVENT, NEW_EVENT) if kind.group in self._event_groups]
        return [*[kind for kind in kinds if kind.key != EVENT], *events]

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if is_write(request.method):
            return await self._write(request)
        accept = request.headers.get("Accept", "") if self.aggregates else ""
        page = discovery_page(request.path, accept, self._kinds)
        if page is not None:
            self._record(request)
            self._user(request)
            return self._reply(page[1], content_type=page[0])
        return await self._read(request)

    async def _write(self, request: web.Request) -> web.StreamResponse:
        is_post = request.method == "POST"
        review = _REVIEWS.get(request.path) if is_post else None
        pod = pod_of(request.path) if is_post else None
        self._record(request, write=review is None)
        user = self._user(request)
        if review is None and pod is None:
            raise method_not_allowed()
        try:
            asked = msgspec.json.decode(await request.read(), type=dict[str, Any])
        except msgspec.DecodeError as error:
            raise bad_request(f"the object provided is unrecognized: {error}") from error
        if pod is not None:
            dry_run = is_dry_run(request.query, asked)
            if not (dry_run or self._evicts):
                raise method_not_allowed()
            self._evictor.evict(*pod, dry_run=dry_run)
            return self._reply(msgspec.json.encode(SUCCESS), status=201)
        assert review is not None
        for fault in self._faults.consume(review, "create"):
            fault.reject()
        return self._reply(msgspec.json.encode(self._review(review, user, asked)), status=201)

    def _review(self, review: str, user: str, asked: dict[str, Any]) -> dict[str, Any]:
        match review:
            case "TokenReview":
                self._authorizer.check_review(user, "authentication.k8s.io", "tokenreviews")
                return self._reviews.token(asked)
            case "SubjectAccessReview":
                self._authorizer.check_review(user, "authorization.k8s.io", "subjectaccessreviews")
                return self._reviews.access(asked)
            case "SelfSubjectAccessReview":
                return self._authorizer.review(user, asked, self._kinds)
        return self._authorizer.rules(user, asked, self._kinds)

    async def _read(self, request: web.Request) -> web.StreamResponse:
        try:
            target = self._routes.target(request.path)
        except StatusError:
            self._record(request)
            self._user(request)
            raise
        verb = "get" if target.name else "watch" if is_watch(request.query) else "list"
        self._record(request, target=target, verb=verb)
        faults = self._faults.consume(target.kind.key, verb)
        for fault in faults:
            fault.reject()
        self._authorize(request, target, verb)
        answers = {"get": self._get, "list": self._list, "watch": self._watch}
        return await answers[verb](_Call(request, target, verb, faults))

    def _user(self, request: web.Request) -> str:
        return self._authorizer.user(request.headers.get("Authorization", ""))

    def _authorize(self, request: web.Request, target: Target, verb: str) -> None:
        user = self._user(request)
        if not self._authorizer.permits(user, target.kind.key, target.namespace):
            raise self._authorizer.forbidden(user, verb, kind=target.kind, namespace=target.namespace)

    async def _get(self, call: _Call) -> web.StreamResponse:
        target = call.target
        key = f"{target.namespace}/{target.name}" if target.namespace else target.name
        item = self._collection(call).items.get(key)
        if item is None:
            raise no_such_object(target.kind.plural, target.kind.group, target.name)
        return self._reply(self._encoder(call).whole(item) + b"\n")

    async def _list(self, call: _Call) -> web.StreamResponse:
        query, encoder = self._list_options(call), self._encoder(call)
        current = self._store.revision_of(call.target.kind.key)
        body = answer_list(self._collection(call), query, encoder=encoder, current=current)
        if not call.faults and len(body) <= _PIECE:
            return self._reply(body)
        return await self._stream(call, _pieces(body), self._watch_response(call, query, encoder))

    async def _watch(self, call: _Call) -> web.StreamResponse:
        watch = self._watch_response(call, self._list_options(call), self._encoder(call))
        self._request_log.watching(call.target.kind.key, 1)
        try:
            async with aclosing(watch.lines()) as lines:
                return await self._stream(call, lines, watch)
        finally:
            self._request_log.watching(call.target.kind.key, -1)

    async def _stream(self, call: _Call, lines: Lines, watch_events: WatchResponse) -> web.StreamResponse:
        response = web.StreamResponse(headers={**_HEADERS, "Content-Type": "application/json"})
        response.enable_chunked_encoding()
        self._request_log.answered(200)
        for fault in call.faults:
            lines = fault.transform(lines, watch_events)
        with suppress(ConnectionResetError):  # the client went away, at the latest now
            await response.prepare(call.request)
            async for batch in lines:
                await response.write(b"".join(batch))
        return response

    def _collection(self, call: _Call) -> Collection:
        return self._store.collection(call.target.kind.key)

    def _list_options(self, call: _Call) -> ListOptions:
        return parse_list_options(
            call.target.namespace,
            call.request.query,
            watch_list=self._faults.watch_list,
            fields=self._event_fields if call.target.kind.key == EVENT else (),
        )

    def _encoder(self, call: _Call) -> ObjectEncoder:
        accept = call.request.headers.get("Accept", "")
        return negotiate_encoder(call.target.kind, accept, listing=call.verb == "list")

    def _watch_response(self, call: _Call, query: ListOptions, encoder: ObjectEncoder) -> WatchResponse:
        current = partial(self._store.revision_of, call.target.kind.key)
        return WatchResponse(
            self._collection(call), query, encoder=encoder, current=current, interval=self._interval
        )

    def _record(
        self, request: web.Request, *, target: Target | None = None, verb: str = "", write: bool = False
    ) -> None:
        self._request_log.record(
            RecordedRequest(
                method=request.method,
                path=request.path,
                query=dict(request.query),
                accept=request.headers.get("Accept", ""),
                user_agent=request.headers.get("User-Agent", ""),
                kind=target.kind.key if target else "",
                verb=verb,
                namespace=target.namespace if target else "",
                write=write,
            )
        )

    def _reply(
        self, body: bytes, *, status: int = 200, content_type: str = "application/json"
    ) -> web.Response:
        self._request_log.answered(status)
        return web.Response(body=body, status=status, headers={**_HEADERS, "Content-Type": content_type})


def _abort(request: web.Request) -> web.StreamResponse:
    """Abort the connection. The returned response is never sent."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


async def _pieces(body: bytes) -> Lines:
    for start in range(0, len(body), _PIECE):
        yield [body[start : start + _PIECE]]
        await asyncio.sleep(0)
