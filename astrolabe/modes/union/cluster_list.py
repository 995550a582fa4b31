"""Which clusters a union has: read from `--clusters`, or from the contexts of a kubeconfig."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec

from astrolabe.kinds.custom.yaml_reader import LARGEST_FILE, Reader, RuleError, documents
from astrolabe.kube.errors import ClusterError
from astrolabe.kubeconfig import existing, fault_of, read

#: Files of a folder that are read.
SUFFIXES = (".yaml", ".yml", ".json")
#: Clusters of one union.
MOST_CLUSTERS = 500

#: A name is a part of the ids of nodes, of addresses and of metrics' labels.
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?")
_NAME_RULE = "at most 63 characters: lower-case letters, digits, - and ., the first and the last no - or ."

#: What users with rights of their own may see.
_OF_USERS = ("showToEveryone", "forwardToken")
_FIELDS = ("name", "kubeconfig", "context", "inCluster", "url", "tokenFile", "caFile", *_OF_USERS)
_FLAGS = ("inCluster", *_OF_USERS)
_OF_URL = ("tokenFile", "caFile", *_OF_USERS)


class ClusterListError(ClusterError):
    """A list of clusters that cannot be used; the message says where, what is wrong and what to do."""


class ClusterEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One cluster of a union, and how to get to it: one of three ways.

    kubeconfig, context: its API server; context "": the current one. in_cluster: the API server of the pod.
    url, token_file, ca_file: another Astrolabe. Paths are absolute, or "".
    show_to_everyone: where users have rights, whether each of them may see what the token sees there.
    forward_token: whether each may see of that what their own token sees there.
    """

    name: str
    kubeconfig: str = ""
    context: str = ""
    in_cluster: bool = False
    url: str = ""
    token_file: str = ""
    ca_file: str = ""
    show_to_everyone: bool = False
    forward_token: bool = False


class ClusterList(NamedTuple):
    """What was read. entries: by name, in order. errors: of files that are refused."""

    entries: Mapping[str, ClusterEntry]
    errors: tuple[str, ...] = ()


def read_clusters(path: str, before: Mapping[str, Mapping[str, ClusterEntry]] | None = None) -> _Files:
    """Read a file, or the files of a folder, each on its own.

    before: the entries of each file as they were. Those of a file that is refused stay so.
    """
    found: dict[str, Mapping[str, ClusterEntry]] = {}
    errors: list[str] = []
    names: dict[str, str] = {}
    for file in _files(path, errors):
        try:
            entries = _parse(file, _content(file), names)
        except RuleError as error:
            errors.append(str(error))
            entries = dict((before or {}).get(file, {}))
            entries = {name: entry for name, entry in entries.items() if name not in names}
        found[file] = entries
        names.update(dict.fromkeys(entries, file))
    if not found and errors:
        return _Files(before or {}, tuple(errors))
    return _Files(found, tuple(errors))


class _Files(NamedTuple):
    """The entries of each file."""

    by_file: Mapping[str, Mapping[str, ClusterEntry]]
    errors: tuple[str, ...]

    @property
    def all(self) -> ClusterList:
        """The entries of all files."""
        entries = {name: entry for some in self.by_file.values() for name, entry in some.items()}
        return ClusterList(dict(sorted(entries.items())), self.errors)


def _files(path: str, errors: list[str]) -> list[str]:
    if not os.path.isdir(path):
        return [path]
    try:
        return [os.path.join(path, name) for name in sorted(os.listdir(path)) if name.endswith(SUFFIXES)]
    except OSError as error:
        errors.append(f"{path} cannot be read: {error.strerror}")
        return []


def _content(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise RuleError(path, 1, f"cannot be read: {error.strerror or error}") from error


def _parse(path: str, content: bytes, taken: Mapping[str, str]) -> dict[str, ClusterEntry]:
    """The entries of one file. taken: the names in other files, and where. Raises RuleError."""
    found: dict[str, ClusterEntry] = {}
    for document in documents(path, content):
        document.what = "the file"
        listed = document if document.is_list else document.fields(("clusters",)).get("clusters")
        for item in listed.items() if listed is not None and not listed.is_absent else ():
            item.what = "the entry of a cluster"
            entry = _entry(item, folder=os.path.dirname(os.path.abspath(path)))
            if entry.name in found or entry.name in taken:
                where = taken.get(entry.name, "this file")
                raise item.error(f"cluster {entry.name!r} is already in {where}; give it another name")
            found[entry.name] = entry
    if len(found) > MOST_CLUSTERS:
        raise RuleError(path, 1, f"has {len(found)} clusters; there may be at most {MOST_CLUSTERS}")
    return found


def _entry(item: Reader, *, folder: str) -> ClusterEntry:
    fields = item.fields(_FIELDS)
    if "name" not in fields:
        raise item.error("a cluster has no name; add name: …")
    name = fields["name"].text()
    if not _NAME.fullmatch(name):
        raise fields["name"].error(f"{name!r} cannot be the name of a cluster: {_NAME_RULE}")
    item.what = f"cluster {name!r}"
    texts = {key: fields[key].text() if key in fields else "" for key in _FIELDS if key not in _FLAGS}
    flags = {key: key in fields and fields[key].flag() for key in _FLAGS}
    in_cluster = flags["inCluster"]
    ways = [key for key, given in (("url", texts["url"]), ("inCluster", in_cluster)) if given]
    if texts["kubeconfig"] or texts["context"]:
        ways.append("kubeconfig")
    if len(ways) != 1:
        found = " and ".join(ways)
        raise item.error(
            f"{item.what} has {f'both {found}' if ways else 'no address'}; give it one of: kubeconfig and "
            "context, url, inCluster: true"
        )
    for key in _OF_URL if not texts["url"] else ():
        if texts.get(key) or flags.get(key):
            raise fields[key].error(f"{key} of {item.what} is for a url, and there is none")
    if all(flags[key] for key in _OF_USERS):
        both = " and ".join(_OF_USERS)
        raise fields["forwardToken"].error(f"{item.what} has both {both}; everyone sees all, or each a part")
    if texts["url"]:
        _check_url(fields["url"], texts["url"])
    kubeconfig = texts["kubeconfig"] or ("~/.kube/config" if ways == ["kubeconfig"] else "")
    return ClusterEntry(
        name,
        kubeconfig=_absolute(kubeconfig, folder),
        context=texts["context"],
        in_cluster=in_cluster,
        url=texts["url"].rstrip("/"),
        token_file=_absolute(texts["tokenFile"], folder),
        ca_file=_absolute(texts["caFile"], folder),
        show_to_everyone=flags["showToEveryone"],
        forward_token=flags["forwardToken"],
    )


def _check_url(field: Reader, url: str) -> None:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("https", "http") and bool(parts.hostname)
    except ValueError:
        usable = False
    if not usable:
        raise field.error(
            f"url {url!r} is no address of an Astrolabe; write https://HOST or https://HOST:PORT"
        )
    if parts.username is not None or parts.password is not None:
        raise field.error("url has a user or password in it; put a token in a file and name it as tokenFile")


def _absolute(path: str, folder: str) -> str:
    """As in a kubeconfig, a relative path begins where the file is."""
    return os.path.normpath(os.path.join(folder, Path(path).expanduser())) if path else ""


def contexts_of(kubeconfig: str, wanted: Sequence[str]) -> dict[str, ClusterEntry]:
    """The entries of these contexts of a kubeconfig; `all`: of every one.

    A name is that of the context, as far as a cluster can be named so. Raises ClusterListError.
    """
    paths = existing(kubeconfig)
    if not paths:
        raise ClusterListError(f"--contexts: there is no file {kubeconfig}; choose one with --kubeconfig")
    try:
        known = [str(entry["name"]) for _, entry in read(paths)["contexts"]]
    except Exception as error:
        raise ClusterListError(f"--contexts: kubeconfig {kubeconfig}: {fault_of(error)}") from error
    listed = f"the contexts are: {', '.join(sorted(known))}" if known else "it has no contexts"
    unknown = [each for each in wanted if each != "all" and each not in known]
    if unknown or not known:
        missing = ", ".join(map(repr, unknown)) or "all"
        raise ClusterListError(f"--contexts: kubeconfig {kubeconfig} has no context {missing}; {listed}")
    chosen = known if "all" in wanted else list(dict.fromkeys(wanted))
    names = _distinct(chosen)
    return {
        name: ClusterEntry(name, kubeconfig=kubeconfig, context=context)
        for name, context in sorted(zip(names, chosen, strict=True))
    }


def _distinct(contexts: Iterable[str]) -> list[str]:
    """A name for each: that of an EKS context is too long, and has characters that none may have."""
    names: list[str] = []
    for context in contexts:
        word = re.sub(r"[^-a-z0-9.]+", "-", context.rpartition("/")[2].lower()).strip("-.")[:63].strip("-.")
        word, number, base = word or "cluster", 1, word or "cluster"
        while word in names:
            number += 1
            word = f"{base[:59]}-{number}"
        names.append(word)
    return names
