"""The built-in kinds, for tests."""

from collections.abc import Mapping
from typing import Any

from astrolabe.kinds.builtin import builtin_catalogue
from astrolabe.kinds.catalogue import Catalogue
from astrolabe.kinds.kind import Kind

CATALOGUE: Catalogue = builtin_catalogue()
KINDS: tuple[Kind[Any], ...] = tuple(CATALOGUE)
KINDS_BY_NAME: Mapping[str, Kind[Any]] = CATALOGUE.by_key
#: Those that are watched without being asked for.
WATCHED: tuple[Kind[Any], ...] = tuple(CATALOGUE.only(()))
