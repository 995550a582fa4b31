"""Imports kubernetes_asyncio without its models: only configuration, authentication, TLS and requests.

Its packages import all models and APIs of Kubernetes (700 modules, 37 MB). Astrolabe does not need them,
because it decodes manifests itself. So the needed modules are imported beneath empty packages of the same
names. Code that imports the library normally, before or afterwards, gets the whole library.
"""

from __future__ import annotations

import os
import sys
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from types import ModuleType
from typing import Any, NamedTuple

_ROOT = "kubernetes_asyncio"
#: Packages whose `__init__` imports the models and APIs.
_BARE = (_ROOT, f"{_ROOT}.client", f"{_ROOT}.client.models")


class Library(NamedTuple):
    """The classes of `kubernetes_asyncio.client`, and the module `kubernetes_asyncio.config`."""

    Configuration: Any
    ApiClient: Any
    config: Any


#: Several clusters are connected to at the same time, each in a thread.
_LOADING = Lock()


def load() -> Library:
    """Import the library. This takes a tenth of a second, so do not call it in the event loop."""
    with _LOADING:
        return _load()


@cache
def _load() -> Library:
    _settle_home()
    if _ROOT in sys.modules:  # it has been imported normally
        client = import_module(f"{_ROOT}.client")
        return Library(client.Configuration, client.ApiClient, import_module(f"{_ROOT}.config"))
    try:
        return _load_parts()
    finally:
        for name in [name for name in sys.modules if name.partition(".")[0] == _ROOT]:
            del sys.modules[name]


def _settle_home() -> None:
    """Make sure that the user has a home directory, because the library looks it up on import.

    The numeric user of a container may have none.
    """
    try:
        Path.home()
    except RuntimeError:
        os.environ["HOME"] = "/"


def _load_parts() -> Library:
    spec = find_spec(_ROOT)
    if spec is None or not spec.submodule_search_locations:
        raise ImportError(f"{_ROOT} is not installed")
    path = spec.submodule_search_locations[0]
    for name in _BARE:
        _add(name, path + name.removeprefix(_ROOT).replace(".", "/"))
    client = sys.modules[f"{_ROOT}.client"]
    # In this order, because the second imports the first.
    for module, name in (("configuration", "Configuration"), ("api_client", "ApiClient")):
        setattr(client, name, getattr(import_module(f"{_ROOT}.client.{module}"), name))
    return Library(client.Configuration, client.ApiClient, import_module(f"{_ROOT}.config"))


def _add(name: str, path: str) -> None:
    """Add an empty package whose modules can be imported."""
    package = ModuleType(name)
    package.__path__ = [path]
    sys.modules[name] = package
    parent, _, child = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], child, package)
