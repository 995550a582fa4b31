"""Which object a person means: by kind and name, as kubectl takes them, or by uid."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches
from typing import NamedTuple

import click
import msgspec

from astrolabe.cli.asking import Inquiry
from astrolabe.cli.wording import place_of
from astrolabe.client import ClientError

#: Objects that are listed when several match, or when nothing does.
MOST_LISTED = 10
#: An id where several clusters are served: the name of one, and a uid in it.
_QUALIFIED = re.compile(r"[a-z0-9][-a-z0-9.]*/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_KIND = re.compile(r"[A-Za-z][A-Za-z0-9.-]*")


class FoundObject(msgspec.Struct, frozen=True, rename="camel"):
    """One of `/api/v1/resources`."""

    uid: str
    kind: str
    name: str
    status: str
    namespace: str = ""
    cluster: str = ""
    reason: str = ""
    message: str = ""
    age: str = ""

    @property
    def path(self) -> str:
        """`Pod/shop/web-1`, or `Node/node-2`."""
        return "/".join(filter(None, (self.kind, self.namespace, self.name)))

    @property
    def where(self) -> str:
        """The same as flags say it: `Pod/shop/web-1 --cluster=prod-eu`."""
        return f"{self.path} --cluster={self.cluster}" if self.cluster else self.path


def order_of(found: FoundObject) -> tuple[str, str, str, str]:
    """By kind, then by name."""
    return found.kind, found.namespace, found.name, found.cluster


class SoughtObject(NamedTuple):
    """The resource that a command is about. kind: "" if the name may also be a uid. cluster: "": any."""

    kind: str
    namespace: str
    name: str
    cluster: str = ""

    def search(self, name: str = "", *, anywhere: bool = False) -> str:
        """The search that finds it, or others of its kind with such a name."""
        terms = [f"kind:{self.kind}" if self.kind else "", f'name:"{name or self.name}"']
        if self.namespace and not anywhere:
            terms.append(f'ns:"{self.namespace}"')
        if self.cluster:
            terms.append(f'cluster:"{self.cluster}"')
        return " ".join(filter(None, terms))

    @property
    def words(self) -> str:
        """For people."""
        said = f"{self.kind} {self.name!r}" if self.kind else repr(self.name)
        said += f" in namespace {self.namespace}" if self.namespace else ""
        return f"{said} in cluster {self.cluster}" if self.cluster else said


def target_of(words: Sequence[str], namespace: str, cluster: str = "") -> SoughtObject:
    """KIND/NAME, KIND NAME, KIND/NAMESPACE/NAME, a name or a uid. Raises click.UsageError."""
    parts = [part for word in words for part in word.split("/")]
    if len(words) == 1 and _QUALIFIED.fullmatch(words[0]):
        return SoughtObject("", namespace, words[0], cluster)
    if len(parts) == 3:
        kind, own, name = parts
        if namespace not in ("", own):
            raise click.UsageError(f"{'/'.join(parts)} is in namespace {own}, but -n says {namespace}")
        target = SoughtObject(kind, own, name)
    elif len(parts) == 2:
        target = SoughtObject(parts[0], namespace, parts[1])
    elif len(parts) == 1:
        target = SoughtObject("", namespace, parts[0])
    else:
        raise click.UsageError("write KIND/NAME, such as deployment/web, and the namespace with -n")
    if not target.name or '"' in "".join(target) or (target.kind and not _KIND.fullmatch(target.kind)):
        raise click.UsageError(f"{' '.join(words)!r} is not KIND/NAME, such as deployment/web")
    if not target.kind and len(parts) == 2:
        raise click.UsageError(f"{words[0]!r} is not KIND/NAME, such as deployment/web")
    return target._replace(cluster=cluster)


async def locate(inquiry: Inquiry, target: SoughtObject) -> FoundObject:
    """The one object that is meant. Raises ClientError: `not-found` or `ambiguous`."""
    try:
        found = await _search(inquiry, target.search())
    except ClientError as error:
        if error.code != "bad-filter":
            raise
        raise ClientError(_without_search(str(error)), code=error.code) from error
    if not found and not target.kind:
        found = await _search(inquiry, f'uid:"{target.name}"')
    exact = [each for each in found if each.name == target.name] or found
    if len(exact) == 1:
        return exact[0]
    if exact:
        raise ClientError(
            f"{target.words} matches {len(exact)} objects; write one of these: {_listed(exact)}",
            code="ambiguous",
        )
    raise ClientError(await _absence(inquiry, target), code="not-found")


def _without_search(text: str) -> str:
    """A refusal without the search, which nobody has written."""
    return re.sub(r"^q does not parse: |, at \d+ of '.*'$", "", text)


async def _search(inquiry: Inquiry, q: str) -> list[FoundObject]:
    answer = await inquiry.ask("/api/v1/resources", {"q": q})
    return sorted(inquiry.read(answer, list[FoundObject]), key=order_of)


async def _absence(inquiry: Inquiry, target: SoughtObject) -> str:
    """Why nothing is found, and what may be meant."""
    text = f"there is no {target.words}" if target.kind else f"nothing is called {target.words}"
    asking = await _search(inquiry, _askers(target)) if target.kind else []
    if asking:
        asking.sort(key=lambda each: (place_of(each.kind), each.path))
        verb = "asks" if len(asking) == 1 else "ask"
        return f"{text}, but {_listed(asking)} {verb} for it; `astrolabe why {asking[0].where}` says more"
    elsewhere = await _search(inquiry, target.search(anywhere=True)) if target.namespace else []
    near = elsewhere or await _near(inquiry, target)
    if near:
        return f"{text}, did you mean {_listed(near)}?"
    lists = " ".join(filter(None, (target.kind and f"kind:{target.kind}", f'"{target.name[:3]}"')))
    return f"{text}; `astrolabe find {lists}` searches"


def _askers(target: SoughtObject) -> str:
    parts = (target.kind, target.namespace, target.name)
    within = f' cluster:"{target.cluster}"' if target.cluster else ""
    return f'unresolved:"{"/".join(filter(None, parts))}"{within}'


async def _near(inquiry: Inquiry, target: SoughtObject) -> list[FoundObject]:
    """Objects of the kind with a similar name."""
    for begin in dict.fromkeys((target.name, target.name[: len(target.name) // 2 + 1], target.name[:2])):
        answer = await inquiry.ask("/api/v1/complete", {"q": f"name:{begin}"})
        names = [each.text for each in inquiry.read(answer, _Completions).proposals]
        found = await _named(inquiry, target, names)
        if found:
            return found
    parts = [part for part in target.name.split("-") if len(part) > 2]
    if not parts or not target.kind:
        return []
    alike = await _search(inquiry, f"kind:{target.kind} name:{','.join([f'*{part}*' for part in parts])}")
    return await _named(inquiry, target, [each.name for each in alike])


async def _named(inquiry: Inquiry, target: SoughtObject, names: Sequence[str]) -> list[FoundObject]:
    """Objects of the kind, by those of the names that are most like the one that is asked for."""
    found = []
    for name in get_close_matches(target.name, dict.fromkeys(names), n=3, cutoff=0.6):
        found += await _search(inquiry, target.search(name, anywhere=True))
    return found


class _Completed(msgspec.Struct):
    text: str


class _Completions(msgspec.Struct):
    proposals: list[_Completed]


def _listed(found: Sequence[FoundObject]) -> str:
    """`Pod/a/web, Pod/b/web and 3 more`."""
    shown = ", ".join([each.where for each in found[:MOST_LISTED]])
    rest = len(found) - MOST_LISTED
    return f"{shown} and {rest} more" if rest > 0 else shown
