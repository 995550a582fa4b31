"""Leads each request to the front doors that serve what its user may see."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextvars import Context
from dataclasses import replace
from typing import Any

from sanic.request import Request
from sanic.response import HTTPResponse

from astrolabe.graph.state.graph import ServedGraph
from astrolabe.graph.state.identity import Release
from astrolabe.graph.visible.redaction import redact
from astrolabe.graph.visible.visibility import Visibility
from astrolabe.http.access.authentication import identity_of
from astrolabe.http.access.guard import FORBIDDEN, UNKNOWN
from astrolabe.http.access.visible import Rights
from astrolabe.http.answers.resource import detail
from astrolabe.http.doors import FrontDoors
from astrolabe.http.errors import JSON, Refusal
from astrolabe.http.graphql.documents import QueryCache
from astrolabe.http.net.refusals import Handler, defer
from astrolabe.http.openapi.operation import ApiEndpoint
from astrolabe.http.responses.shared import position_headers
from astrolabe.http.rest.release_details import HelmKnowledge
from astrolabe.http.scopes.scopes import UserScopes
from astrolabe.http.scopes.visible_source import VisibleSource
from astrolabe.http.source import GraphSource
from astrolabe.http.stream.connections import Connections
from astrolabe.kinds.helm_release import ReleaseDetails
from astrolabe.settings import Settings
from astrolabe.users import EVERYBODY, User

logger = logging.getLogger("astrolabe.http")

#: Seconds in which open streams get to see what their user may see now; else they are closed.
MOVE_SECONDS = 5.0
#: Of the memory for bodies, how much those of one visibility may use.
SHARE = 1 / 8
#: What is asked about in place of what does not exist: kind and namespace. Its name is the uid.
_NOTHING = ("Pod", "")


class Entrance:
    """Wraps endpoints so that each user gets what they may see. all: the doors to everything."""

    def __init__(
        self,
        settings: Settings,
        source: GraphSource,
        rights: Rights,
        all: FrontDoors,
        connections: Connections,
        *,
        helm: HelmKnowledge,
        queries: QueryCache,
    ) -> None:
        self._queries = queries
        self._settings = settings
        self._source = source
        self._rights = rights
        self._all = all
        self._connections = connections
        self._helm = helm
        self._scopes = UserScopes(
            source,
            rights,
            make=self._open,
            all=all,
            limits=settings.limits,
            moved=self._move,
            streaming=connections.users,
        )
        connections.displaced = self._move
        #: By user: their streams are on the way to where they see what they may see now.
        self._moving: dict[User, asyncio.Task[None]] = {}

    def of(self, endpoint: ApiEndpoint) -> ApiEndpoint:
        """The endpoint as each user may use it. One that is open to all shows nothing of the graph."""
        if endpoint.open:
            return replace(endpoint, handler=_without_position(endpoint.handler))
        if endpoint.name in self._all.handlers:
            return replace(endpoint, handler=self._leading(endpoint.name))
        return replace(endpoint, handler=self._checking(endpoint))

    @property
    def views(self) -> int:
        """How many different sets of rights are served, beside that of who may see everything."""
        return len(self._scopes)

    async def close(self) -> None:
        """Close all doors."""
        moving = list(self._moving.values())
        for task in moving:
            task.cancel()
        await asyncio.gather(*moving, return_exceptions=True)
        await self._scopes.close()
        await self._all.close()

    def _move(self) -> None:
        """Let the streams of users who see something else since follow that."""
        for user in self._connections.displace() - self._moving.keys():
            moving = self._lead_streams(user)
            self._moving[user] = asyncio.create_task(moving, name="astrolabe.http.move", context=Context())

    async def _lead_streams(self, user: User) -> None:
        try:
            while user in self._connections.displace():
                async with asyncio.timeout(MOVE_SECONDS):
                    place = await self._scopes.place_by_what_is_known(user)
                self._connections.move(place, place.doors.streams)
        except (Refusal, TimeoutError):
            self._connections.dismiss(user)
        except Exception:
            logger.exception("streams could not follow the rights of their user; they have to come back")
            self._connections.dismiss(user)
        finally:
            del self._moving[user]

    def _leading(self, name: str) -> Handler:
        async def handle(request: Request, **named: str) -> Any:
            doors = self._all
            if getattr(request.ctx, "refusal", None) is None:
                try:
                    place = await self._scopes.place_of(user_of(request), _namespaces(request))
                    doors = place.doors
                    if place.user != EVERYBODY:
                        request.ctx.place = place
                    request.ctx.source = doors.source
                    request.ctx.state = doors.source.state
                except Refusal as refusal:
                    self._connections.guard.denials[UNKNOWN] += 1
                    if not defer(request, refusal):
                        raise
            if name == "resource" and named["uid"] not in doors.source.hub.graph.nodes:
                found = await self._named(request, doors, named["uid"])
                if found is not None:
                    return found
            return await doors.handlers[name](request, **named)

        return handle

    async def _named(self, request: Request, doors: FrontDoors, uid: str) -> HTTPResponse | None:
        """One object that the user may not list, if a rule with `resourceNames` lets them get it."""
        if doors is self._all:
            return None
        node = self._source.hub.graph.nodes.get(uid)
        asked = (node.kind, node.namespace, node.name) if node is not None else (*_NOTHING, uid)
        # Whether there is such an object must not show in the time that this takes.
        may_get = await self._rights.may_get(user_of(request), *asked, uid)
        if node is None or not may_get:
            return None
        visibility = Visibility(within=frozenset(((node.namespace, node.kind),)))
        if node.cluster:
            visibility = Visibility(clusters=((node.cluster, visibility),))
        shown = doors.source.hub.graph
        alone = ServedGraph(shown.epoch, shown.seq)
        redacted = redact(node, self._source.hub.graph, visibility, self._scopes.reads())
        body = "".join(detail(alone, redacted))
        return HTTPResponse(body, headers={"Cache-Control": "no-store"}, content_type=JSON)

    def _checking(self, endpoint: ApiEndpoint) -> Handler:
        """A path outside the graph needs the right to that path, as on the API server."""

        async def handle(request: Request, **named: str) -> Any:
            user = user_of(request)
            if user != EVERYBODY and not await self._rights.may_read(user, endpoint.path):
                self._connections.guard.denials[FORBIDDEN] += 1
                message = (
                    f"{user.name} may not get {endpoint.path}; a ClusterRole with nonResourceURLs grants it"
                )
                raise Refusal(403, "forbidden", message)
            return await endpoint.handler(request, **named)

        return handle

    def _open(self, source: VisibleSource) -> FrontDoors:
        helm = VisibleHelm(self._helm, source)
        return FrontDoors(
            self._settings,
            source,
            self._connections,
            helm=helm,
            queries=self._queries,
            share=SHARE,
            sight=source.sees,
            visibility=lambda: source.visibility,
        )


def _without_position(handler: Handler) -> Handler:
    """The position in history tells of every change, and probes come without a token."""

    answer: Callable[..., Awaitable[Any]] = handler

    async def handle(request: Request, **named: str) -> Any:
        response = await answer(request, **named)
        if isinstance(response, HTTPResponse):
            for name in position_headers(ServedGraph("")):
                response.headers.pop(name, None)
        return response

    return handle


class VisibleHelm:
    """Implements `HelmKnowledge`: what Helm keeps of a release stands in a Secret or ConfigMap, in its
    namespace or elsewhere, and is told to who may see that, and so the release's revision."""

    def __init__(self, known: HelmKnowledge, source: VisibleSource) -> None:
        self._known = known
        self._source = source
        self._version = 0
        #: All that may be seen, and the version of all at the time.
        self._seen: dict[Release, ReleaseDetails] = {}
        self._seen_at = known.version

    @property
    def version(self) -> int:
        """Grows with what may be seen: ETags must not tell of other releases."""
        if self._known.version != self._seen_at:
            self._seen_at = self._known.version
            releases = self._source.hub.graph.releases
            seen = {each: details for each in releases if (details := self._known.get(each)) is not None}
            if seen != self._seen:
                self._seen = seen
                self._version += 1
        return self._version

    def get(self, release: Release) -> ReleaseDetails | None:
        if release not in self._source.hub.graph.releases:
            return None
        return self._known.get(release)


def user_of(request: Request) -> User:
    """The user whom the guard identified."""
    identity = identity_of(request)
    assert identity is not None, "the guard lets nobody else in"
    return identity.user


def _namespaces(request: Request) -> list[str]:
    """The namespaces that the request names, if it is a filter."""
    named = request.args.getlist("namespace", [])
    return sorted({part.strip() for text in named for part in text.split(",")} - {""})[:64]
