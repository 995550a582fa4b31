"""What Helm keeps of a release, without values and without what its manifests contain.

Helm stores a revision as JSON, gzipped and in base64, under the key `release` of a Secret (whose API encodes
it in base64 once more) or of a ConfigMap. Only what is declared here is decoded; of the rendered manifests,
only the lines that name objects are looked at.
"""

from __future__ import annotations

import binascii
import re
import zlib
from collections.abc import Iterator
from typing import Any

import msgspec

#: Bytes of a release once it is unpacked. Large charts with many CRDs have some 10 MB.
LONGEST_RELEASE = 24_000_000
#: Characters of notes, and of any other text.
LONGEST_NOTES = 16_384
LONGEST_TEXT = 1_024
#: Objects and hooks that are kept.
MOST_OBJECTS = 5_000

_GZIP = b"\x1f\x8b"


class UnreadableRelease(Exception):
    """It is not what Helm stores, or too large. The message says which; it never quotes."""


class DeclaredObject(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, gc=False):
    """An object of the release's manifests. namespace: "" if the manifest names none."""

    api_version: str
    kind: str
    name: str
    namespace: str = ""


class ReleaseHook(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, gc=False):
    """An object that Helm creates at some moments. phase: of its last run."""

    kind: str
    name: str
    events: list[str] = []
    phase: str = ""


class ReleaseDetails(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """A release as Helm knows it. complete: whether all objects of its manifests are told."""

    chart_name: str = ""
    chart_version: str = ""
    app_version: str = ""
    description: str = ""
    last_action: str = ""
    first_deployed: str = ""
    last_deployed: str = ""
    notes: str = ""
    hooks: list[ReleaseHook] = []
    objects: list[DeclaredObject] = []
    complete: bool = True


class _Data(msgspec.Struct):
    release: str = ""


class _Stored(msgspec.Struct):
    data: _Data | None = None


class _ChartMetadata(msgspec.Struct, rename="camel"):
    name: str = ""
    version: str = ""
    app_version: str = ""
    description: str = ""


class _Chart(msgspec.Struct):
    metadata: _ChartMetadata | None = None


class _Info(msgspec.Struct):
    first_deployed: str = ""
    last_deployed: str = ""
    description: str = ""
    notes: str = ""


class _LastRun(msgspec.Struct):
    phase: str = ""


class _Hook(msgspec.Struct):
    name: str = ""
    kind: str = ""
    events: list[str] | None = None
    last_run: _LastRun | None = None


class _KeptRelease(msgspec.Struct):
    """Helm's release.Release; `config`, the values, and the templates of the chart are not declared."""

    info: _Info | None = None
    chart: _Chart | None = None
    hooks: list[_Hook] | None = None
    manifest: str = ""


_STORED = msgspec.json.Decoder(_Stored)
_RELEASE = msgspec.json.Decoder(_KeptRelease)


def decode_release(body: bytes, *, in_secret: bool) -> ReleaseDetails:
    """The release that a Secret or a ConfigMap keeps. body: the object as JSON.

    Raises UnreadableRelease.
    """
    try:
        data = _STORED.decode(body).data or _Data()
        text: str | bytes = data.release
        packed = binascii.a2b_base64(binascii.a2b_base64(text) if in_secret else text)
        release = _RELEASE.decode(_unpack(packed))
    except (msgspec.MsgspecError, binascii.Error, zlib.error, ValueError, RecursionError) as error:
        raise UnreadableRelease(f"is no release of Helm ({type(error).__name__})") from None
    return _describe(release)


def _unpack(packed: bytes) -> bytes:
    """Unzip, but not beyond what a release may have: a few bytes can be packed gigabytes."""
    if not packed.startswith(_GZIP):
        return packed
    unpacker = zlib.decompressobj(wbits=31)
    unpacked = unpacker.decompress(packed, LONGEST_RELEASE)
    if not unpacker.eof:
        raise UnreadableRelease(f"is larger than {LONGEST_RELEASE // 1_000_000} MB, or cut off")
    return unpacked


def _describe(release: _KeptRelease) -> ReleaseDetails:
    info, chart = release.info or _Info(), (release.chart or _Chart()).metadata or _ChartMetadata()
    objects, complete = declared_objects(release.manifest)
    return ReleaseDetails(
        chart_name=chart.name[:LONGEST_TEXT],
        chart_version=chart.version[:LONGEST_TEXT],
        app_version=chart.app_version[:LONGEST_TEXT],
        description=chart.description[:LONGEST_TEXT],
        last_action=info.description[:LONGEST_TEXT],
        first_deployed=info.first_deployed[:LONGEST_TEXT],
        last_deployed=info.last_deployed[:LONGEST_TEXT],
        notes=info.notes[:LONGEST_NOTES],
        hooks=[
            ReleaseHook(
                hook.kind[:LONGEST_TEXT],
                hook.name[:LONGEST_TEXT],
                [event[:LONGEST_TEXT] for event in (hook.events or ())[:10]],
                hook.last_run.phase[:LONGEST_TEXT] if hook.last_run is not None else "",
            )
            for hook in (release.hooks or ())[:MOST_OBJECTS]
        ],
        objects=objects,
        complete=complete,
    )


#: Between two documents. What a block scalar contains is indented, so no text of an object looks like this.
_SEPARATOR = re.compile(r"^---(?:[ \t].*)?\r?$", re.MULTILINE)
#: A key of the top level, or of the next one, and a scalar.
_TOP = re.compile(r"^(apiVersion|kind|metadata):[ \t]*(.*?)[ \t]*\r?$", re.MULTILINE)
_CHILD = re.compile(r"([ \t]*)(name|namespace):[ \t]+(.*?)[ \t]*\r?$")
_SCALAR = re.compile(r"""(?:"([^"\\]*)"|'([^']*)'|([^\s"'{\[#&*!|>%@`][^#]*?))(?:[ \t]+#.*)?\Z""")


def declared_objects(manifest: str) -> tuple[list[DeclaredObject], bool]:
    """The objects of rendered manifests, and whether these are all: documents in flow style, and what is
    beyond the limit, are not told.
    """
    found: list[DeclaredObject] = []
    complete = True
    for document in _each_object(manifest):
        declared = _declared(document)
        if declared is None:
            complete = complete and not _has_content(document)
        elif len(found) == MOST_OBJECTS:
            return found, False
        else:
            found.append(declared)
    return found, complete


def _documents(manifest: str) -> Iterator[str]:
    begin = 0
    for separator in _SEPARATOR.finditer(manifest):
        yield manifest[begin : separator.start()]
        begin = separator.end()
    yield manifest[begin:]


#: A list of objects: Helm applies each one. `kind: RoleList`, and all other list kinds of the API.
_LIST = re.compile(r"^kind:[ \t]*[\"']?\w*List[\"']?[ \t]*(?:#.*)?\r?$", re.MULTILINE)
_ITEMS = re.compile(r"^items:[ \t]*(?:#.*)?\r?\n", re.MULTILINE)
_FIRST_ITEM = re.compile(r"(?:[ \t]*(?:#.*)?\r?\n)*([ ]*)-[ ]+\S")


def _each_object(manifest: str) -> Iterator[str]:
    """The documents; in place of a list, its items."""
    for document in _documents(manifest):
        items = _ITEMS.search(document) if _LIST.search(document) else None
        first = _FIRST_ITEM.match(document, items.end()) if items is not None else None
        if items is None or first is None:
            yield document
        else:
            yield from _items(document[items.end() :], len(first[1]))


def _items(block: str, column: int) -> Iterator[str]:
    """The items of a list whose dashes stand in this column, each as a document."""
    item: list[str] = []
    indent = 0
    for line in block.splitlines():
        content = line.lstrip(" ")
        depth = len(line) - len(content)
        if depth == column and content.startswith("- "):
            yield "\n".join(item)
            item, indent = [], len(line) - len(content[2:].lstrip(" "))
            line = " " * indent + line[indent:]
        elif content and not content.startswith("#") and depth <= column:
            break  # the next key beside `items`
        item.append(line[indent:] if line[:indent].isspace() else line)
    yield "\n".join(item)


def _has_content(document: str) -> bool:
    return any(line.strip() and not line.lstrip().startswith("#") for line in document.splitlines())


def _declared(document: str) -> DeclaredObject | None:
    values: dict[str, Any] = {"name": "", "namespace": ""}
    for match in _TOP.finditer(document):
        if match[1] == "metadata":
            values.update(_metadata(document, match.end()))
        else:
            values[match[1]] = _scalar(match[2])
    if not (values.get("kind") and values["name"]):
        return None
    return DeclaredObject(values.get("apiVersion", ""), values["kind"], values["name"], values["namespace"])


def _metadata(document: str, begin: int) -> Iterator[tuple[str, str]]:
    """Name and namespace, which are indented as the first line of the block is."""
    indent: int | None = None
    while begin < len(document):
        begin += 1  # the line feed
        end = document.find("\n", begin)
        line = document[begin : end if end >= 0 else len(document)]
        begin = end if end >= 0 else len(document)
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        depth = len(line) - len(line.lstrip(" \t"))
        if not depth:
            return
        indent = depth if indent is None else indent
        match = _CHILD.match(line)
        if match is not None and depth == indent:
            yield match[2], _scalar(match[3])


def _scalar(text: str) -> str:
    """A plain or quoted scalar; "" for anything else."""
    match = _SCALAR.match(text)
    value = (match[1] or match[2] or match[3] or "") if match is not None else ""
    return value.strip()[:LONGEST_TEXT]
