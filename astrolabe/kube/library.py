"""kubernetes_asyncio without its models: what does configuration, authentication, TLS and requests.

Its packages import every model and every API of Kubernetes, 700 modules and 37 MB, which nothing here uses:
the models are for decoding answers, and manifests are decoded into slices. So its parts are imported
beneath packages of the same names that import nothing. Whoever imports the library itself, before or
after, has all of it.
"""

from __future__ import annotations

import os
import sys
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

_ROOT = "kubernetes_asyncio"
#: Packages whose `__init__` imports what is not wanted.
_BARE = (_ROOT, f"{_ROOT}.client", f"{_ROOT}.client.models")


class Library(NamedTuple):
    """Configuration, ApiClient: of `kubernetes_asyncio.client`. config: `kubernetes_asyncio.config`."""

    Configuration: Any
    ApiClient: Any
    config: Any


@cache
def load() -> Library:
    """Import it, which takes a tenth of a second: not in the event loop."""
    _settle_home()
    if _ROOT in sys.modules:  # somebody has all of it
        client = import_module(f"{_ROOT}.client")
        return Library(client.Configuration, client.ApiClient, import_module(f"{_ROOT}.config"))
    try:
        return _load_parts()
    finally:
        for name in [name for name in sys.modules if name.partition(".")[0] == _ROOT]:
            del sys.modules[name]


def _settle_home() -> None:
    """It asks for the user's home as it is imported, whatever it is told to load later. The numeric user of a
    container has none where the runtime does not say so."""
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
    # The order is that of what they import of one another.
    for module, name in (("configuration", "Configuration"), ("api_client", "ApiClient")):
        setattr(client, name, getattr(import_module(f"{_ROOT}.client.{module}"), name))
    return Library(client.Configuration, client.ApiClient, import_module(f"{_ROOT}.config"))


def _add(name: str, path: str) -> None:
    """A package whose modules can be imported, and that is empty itself."""
    package = ModuleType(name)
    package.__path__ = [path]
    sys.modules[name] = package
    parent, _, child = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], child, package)
