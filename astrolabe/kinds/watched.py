"""What a watch needs to know about what it watches."""

from __future__ import annotations

from typing import Any, Protocol

import msgspec

from astrolabe.graph.model.facts import Facts
from astrolabe.graph.state.object_event import ObjectEvent

#: Under what a manifest remembers its facts; see `Kind.remembers`.
FACTS = "facts"


class EventReader(Protocol):
    """Decodes the lines of one watch into objects with `type: str` and `object`, the manifest.

    Raises what a decoder of msgspec raises.
    """

    def decode(self, line: bytes, /) -> Any: ...


class WatchedKind(Protocol):
    """A kind of the catalogue, or Events."""

    @property
    def name(self) -> str: ...
    @property
    def key(self) -> str: ...
    @property
    def metadata_only(self) -> bool: ...
    @property
    def path(self) -> str: ...
    @property
    def event_decoder(self) -> msgspec.json.Decoder[Any]: ...
    @property
    def decoder(self) -> msgspec.json.Decoder[Any]: ...
    @property
    def field_selector(self) -> str:
        """What the API server should filter by; "" for everything."""
        ...

    @property
    def alternative(self) -> WatchedKind | None:
        """The same objects elsewhere in the API, if this is not served or not permitted."""
        ...

    def path_in(self, namespace: str, /) -> str: ...

    def event_reader(self) -> EventReader:
        """Reads what `event_decoder` does. It belongs to one watch, and may remember objects of it."""
        ...

    def facts(self, manifest: Any, /) -> Facts | ObjectEvent | None:
        """What the manifest says; None for an object that is left out on purpose."""
        ...
