"""What the REST paths answer, as pieces of JSON text.

A body takes all it needs of the graph when it is called, so that it is of one place in history; the
texts are made later, piece by piece.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any

from astrolabe.graph.edge import Edge
from astrolabe.graph.facts import NAMESPACE
from astrolabe.graph.graph import Graph
from astrolabe.graph.links import OWNS
from astrolabe.graph.node import Node
from astrolabe.graph.status import LEVELS
from astrolabe.graph.view import View
from astrolabe.graph.wire import encode
from astrolabe.http.errors import Refusal
from astrolabe.http.query import Question
from astrolabe.kinds.kind import Kind

#: Texts that are joined into one piece.
CHUNK = 200

#: (the graph, its part that the question's filter keeps, the question) → the pieces of the answer.
Body = Callable[[Graph, Callable[[], View], Question], Iterator[str]]
