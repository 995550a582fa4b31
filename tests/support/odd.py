"""Manifests as no API server writes them, made by chance from what the slice of each kind declares.

JSON is written as bytes, since some of it is none: NaN, half a surrogate pair, bytes that are no UTF-8.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable
from random import Random
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec
from msgspec.structs import FieldInfo, fields

from astrolabe.kinds.kind import Kind
from astrolabe.sim.store import Item, ObjectStore, WatchEvent
from tests.support.kinds import KINDS


def seeds() -> list[int]:
    """Of the worlds that are tried: a few, or as many as `make fuzz` asks for."""
    first, _, last = os.environ.get("ASTROLABE_FUZZ_SEEDS", "1-2").partition("-")
    return list(range(int(first), int(last or first) + 1))


#: What may stand where something else is wanted.
WRONG = (
    *(b"null", b"true", b"-1", b"0.5", b"1e400", b"NaN", b"-Infinity", b"nul", b"18446744073709551616"),
    *(b"9" * 400, b"9" * 5000, b'""', b'"x"', b'"' + b"long" * 30_000 + b'"'),
    *(b'"\\ud800"', b'"\\udc00\\ud800"', b'"\xff\xfe"', b'"\xed\xa0\x80"', b'"\\u0000\\u001b[31m\\u2028"'),
    *(b"[]", b"[null]", b"[[[[[]]]]]", b"{}", b'{"":null}', b'{"a":1,"a":2}'),
    *(b"[" * 100_000 + b"]" * 100_000, b'{"a":' * 100_000 + b"0" + b"}" * 100_000),
    *(b"[" + b"0," * 20_000 + b"0]", b"[" + b"{}," * 6_000 + b"{}]"),
    b"{" + b",".join([b'"k%d":"v"' % number for number in range(1_100)]) + b"}",
)
#: Names are few, so that objects refer to one another.
TEXTS = (
    *("x", "y", "z") * 4,
    *("", "a" * 254, 'q"uo\\te', "é\u2028\u202e", "\x00\x1b", "😀", "2026-01-01T00:00:00Z", "9999-99-99"),
    *("Pod", "Service", "Helm", "helm", "Running", "Ready", "Failed", "True", "False", "true"),
    *("odd-pods-odd-x", "odd-services-odd-x", "odd-deployments-odd-y"),
)
KEYS = (
    *("app", "x", "helm.sh/chart", "app.kubernetes.io/managed-by", "app.kubernetes.io/instance"),
    *("kubernetes.io/service-name", "owner"),
)
NUMBERS = (0, 1, 2, 3, -1, 2**31, 2**63, 2**64 - 1, -(2**63))
#: Where odd objects are: in these namespaces, or under a name that begins like this.
NAMESPACES = ("odd", "odd", "strange")
PREFIX = "odd-"


class Odd:
    """Writes odd objects into a store; the same seed writes the same."""

    def __init__(self, store: ObjectStore, seed: int) -> None:
        self._store = store
        self._random = Random(seed)
        self._uids: dict[tuple[str, str], str] = {}
        #: Wrong values that the object may still get.
        self._wrong = 0

    def write(self) -> None:
        """Add, change or remove one object."""
        random, kind = self._random, self._random.choice(KINDS)
        collection = self._store.collection(kind.name)
        namespace = random.choice(NAMESPACES) if kind.namespaced else ""
        name = random.choice("xyz") if namespace else PREFIX + random.choice("xyz")
        key = f"{namespace}/{name}" if namespace else name
        before = collection.items.get(key)
        revision = self._store._next()
        if before is not None and random.random() < 0.2:
            del self._uids[kind.name, key]
            gone = msgspec.structs.replace(before, revision=revision)
            collection.record(WatchEvent("DELETED", revision, gone, before))
            return
        fresh = f"{PREFIX}{kind.plural}-{namespace or 'none'}-{name}" + random.choice(("", "", "", "-2"))
        uid = self._uids.setdefault((kind.name, key), fresh)
        self._wrong = random.choice((0, 0, 1, 1, 2))
        meta = {"name": name, "namespace": namespace, "uid": uid, "resourceVersion": str(revision)}
        head, rest = self._manifest(kind, {field: text for field, text in meta.items() if text})
        item = Item(key, revision, head + rest, len(head))
        collection.record(WatchEvent("MODIFIED" if before else "ADDED", revision, item, before))

    def _manifest(self, kind: Kind[Any], meta: dict[str, str]) -> tuple[bytes, bytes]:
        """`{"metadata":{...}` and the rest of the object."""
        parts = {field.encode_name: field for field in fields(kind.manifest)}
        declared = [each for each in fields(parts.pop("metadata").type) if each.encode_name != "namespace"]
        given = [_member(field, json.dumps(text).encode()) for field, text in meta.items()]
        head = b'{"metadata":{%b}' % b",".join([*given, *self._members(declared, without=meta)])
        return head, b"".join([b"," + member for member in self._members(parts.values())]) + b"}"

    def _members(self, declared: Iterable[FieldInfo], without: Collection[str] = ()) -> list[bytes]:
        """Most of the fields, in any order, now and then one of them twice."""
        found = []
        for field in declared:
            if field.encode_name not in without and self._random.random() < 0.75:
                found += [
                    _member(field.encode_name, self._value(field.type))
                    for _ in range(1 + (self._random.random() < 0.02))
                ]
        if self._wrong and self._random.random() < 0.1:
            found.append(_member("undeclared", self._take_wrong()))
        self._random.shuffle(found)
        return found

    def _value(self, wanted: Any) -> bytes:
        """One that is of the wanted type, nearly always."""
        if self._wrong and self._random.random() < 0.05:
            return self._take_wrong()
        origin, inner = get_origin(wanted), get_args(wanted)
        if origin is Annotated:
            return self._value(inner[0])
        if origin in (Union, UnionType):
            some = [each for each in inner if each is not NoneType]
            return self._value(self._random.choice(some)) if self._random.random() < 0.9 else b"null"
        if origin is list:
            values = [self._value(inner[0]) for _ in range(self._random.choice((0, 1, 1, 2, 3)))]
            return b"[%b]" % b",".join(values)
        if origin is dict:
            keys = self._random.sample(KEYS, self._random.choice((0, 1, 2, 3)))
            return b"{%b}" % b",".join([_member(key, self._value(inner[1])) for key in keys])
        return self._leaf(wanted)

    def _leaf(self, wanted: Any) -> bytes:
        if wanted is bool:
            return self._random.choice((b"true", b"false"))
        if wanted is int:
            return str(self._random.choice(NUMBERS)).encode()
        if wanted is str:
            return json.dumps(self._random.choice(TEXTS)).encode()
        return b"{%b}" % b",".join(self._members(fields(wanted)))

    def _take_wrong(self) -> bytes:
        self._wrong -= 1
        return self._random.choice(WRONG)


def _member(name: str, value: bytes) -> bytes:
    return json.dumps(name).encode() + b":" + value
