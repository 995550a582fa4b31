"""Requests to answers: who asks, may he, what strikes him, and then the list, watch or object itself."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec
from aiohttp import web

from astrolabe.sim.api.access import Access
from astrolabe.sim.api.discovery import discovery_page
from astrolabe.sim.api.listing import answer_list
from astrolabe.sim.api.query import Query, is_watch, parse_query
from astrolabe.sim.api.refusal import Refusal, bad_request, method_not_allowed, no_such_object
from astrolabe.sim.api.target import Routes, Target
from astrolabe.sim.api.watching import Watch
from astrolabe.sim.api.wire import Form, form_of
from astrolabe.sim.faults import CutConnection, Fault, Faults, Lines
from astrolabe.sim.journal import Journal, Request, is_write
from astrolabe.sim.store import Collection, Store

_REVIEWS = {
    f"/apis/authorization.k8s.io/v1/{kind.lower()}s": kind
    for kind in ("SelfSubjectAccessReview", "SelfSubjectRulesReview")
}
_HEADERS = {"Cache-Control": "no-cache, private"}

#: Bodies above this many bytes are sent in pieces, so that one large list does not hold up every watch.
_PIECE = 256 * 1024


@dataclass(frozen=True)
class _Call:
    """One request for a kind that is served, and the faults that strike it."""

    request: web.Request
    target: Target
    verb: str
    faults: Sequence[Fault]


class Handler:
    """Answers requests from the store. See `Simulator` for what it is given."""

    def __init__(
        self, store: Store, *, access: Access, faults: Faults, journal: Journal, bookmark_interval: float
    ) -> None:
        self._store = store
        self._access = access
        self._faults = faults
        self._journal = journal
        self._interval = bookmark_interval
        self._kinds = [collection.kind for collection in store.collections.values()]
        self._routes = Routes(self._kinds)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request; every way to fail ends here."""
        try:
            return await self._answer(request)
        except Refusal as refusal:
            response = self._reply(refusal.body, status=refusal.status, content_type=refusal.content_type)
            if refusal.retry_after is not None:
                response.headers["Retry-After"] = str(refusal.retry_after)
            return response
        except CutConnection:
            return _abort(request)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if is_write(request.method):
            return await self._write(request)
        page = discovery_page(request.path, request.headers.get("Accept", ""), self._kinds)
        if page is not None:
            self._note(request)
            self._user(request)
            return self._reply(page[1], content_type=page[0])
        return await self._read(request)

    async def _write(self, request: web.Request) -> web.StreamResponse:
        review = _REVIEWS.get(request.path) if request.method == "POST" else None
        self._note(request, write=review is None)
        user = self._user(request)
        if review is None:
            raise method_not_allowed()
        try:
            asked = msgspec.json.decode(await request.read(), type=dict[str, Any])
        except msgspec.DecodeError as error:
            raise bad_request(f"the object provided is unrecognized: {error}") from error
        answer = self._access.review if review == "SelfSubjectAccessReview" else self._access.rules
        return self._reply(msgspec.json.encode(answer(user, asked, self._kinds)), status=201)

    async def _read(self, request: web.Request) -> web.StreamResponse:
        try:
            target = self._routes.target(request.path)
        except Refusal:
            self._note(request)
            self._user(request)
            raise
        verb = "get" if target.name else "watch" if is_watch(request.query) else "list"
        self._note(request, target=target, verb=verb)
        faults = self._faults.take(target.kind.key, verb)
        for fault in faults:
            fault.refuse()
        self._authorize(request, target, verb)
        answers = {"get": self._get, "list": self._list, "watch": self._watch}
        return await answers[verb](_Call(request, target, verb, faults))

    def _user(self, request: web.Request) -> str:
        return self._access.user(request.headers.get("Authorization", ""))

    def _authorize(self, request: web.Request, target: Target, verb: str) -> None:
        user = self._user(request)
        if not self._access.permits(user, target.kind.key, target.namespace):
            raise self._access.forbidden(user, verb, kind=target.kind, namespace=target.namespace)

    async def _get(self, call: _Call) -> web.StreamResponse:
        target = call.target
        key = f"{target.namespace}/{target.name}" if target.namespace else target.name
        item = self._collection(call).items.get(key)
        if item is None:
            raise no_such_object(target.kind.plural, target.kind.group, target.name)
        return self._reply(self._form(call).whole(item) + b"\n")

    async def _list(self, call: _Call) -> web.StreamResponse:
        query, form = self._query(call), self._form(call)
        current = self._store.revision_of(call.target.kind.key)
        body = answer_list(self._collection(call), query, form=form, current=current)
        if not call.faults and len(body) <= _PIECE:
            return self._reply(body)
        return await self._stream(call, _pieces(body), self._teller(call, query, form))

    async def _watch(self, call: _Call) -> web.StreamResponse:
        watch = self._teller(call, self._query(call), self._form(call))
        self._journal.watching(call.target.kind.key, 1)
        try:
            async with aclosing(watch.lines()) as lines:
                return await self._stream(call, lines, watch)
        finally:
            self._journal.watching(call.target.kind.key, -1)

    async def _stream(self, call: _Call, lines: Lines, teller: Watch) -> web.StreamResponse:
        response = web.StreamResponse(headers={**_HEADERS, "Content-Type": "application/json"})
        response.enable_chunked_encoding()
        await response.prepare(call.request)
        self._journal.answered(200)
        for fault in call.faults:
            lines = fault.shape(lines, teller)
        with suppress(ConnectionResetError):  # the client went away, and needs no answer any more
            async for batch in lines:
                await response.write(b"".join(batch))
        return response

    def _collection(self, call: _Call) -> Collection:
        return self._store.collection(call.target.kind.key)

    def _query(self, call: _Call) -> Query:
        return parse_query(call.target.namespace, call.request.query, watch_list=self._faults.watch_list)

    def _form(self, call: _Call) -> Form:
        accept = call.request.headers.get("Accept", "")
        return form_of(call.target.kind, accept, listing=call.verb == "list")

    def _teller(self, call: _Call, query: Query, form: Form) -> Watch:
        current = partial(self._store.revision_of, call.target.kind.key)
        return Watch(self._collection(call), query, form=form, current=current, interval=self._interval)

    def _note(
        self, request: web.Request, *, target: Target | None = None, verb: str = "", write: bool = False
    ) -> None:
        self._journal.note(
            Request(
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
        self._journal.answered(status)
        return web.Response(body=body, status=status, headers={**_HEADERS, "Content-Type": content_type})


def _abort(request: web.Request) -> web.StreamResponse:
    """Break the connection; what is returned never gets anywhere."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


async def _pieces(body: bytes) -> Lines:
    for start in range(0, len(body), _PIECE):
        yield [body[start : start + _PIECE]]
        await asyncio.sleep(0)
