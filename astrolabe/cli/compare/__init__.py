"""`astrolabe compare`: would a client of the first server notice if the second answered instead?

Requests every path of the original's API from both servers, with every parameter. A client may rely on what
exists: a path, its status, a key and its type, a node, an edge, a name, a value. It cannot rely on what does
not exist, so it does not notice what only the second has. Nor can it rely on an order that the first does not
keep itself, on text for people, or on momentary values (`age`, `epoch`, `seq`, counts).

A cluster changes between two requests. So requests whose answers differ are repeated, and only differences
that occur every time are reported. At most two answers, of limited size, are in memory at a time.
"""

from astrolabe.cli.compare.comparison import Comparison, compare
from astrolabe.cli.compare.report import report
from astrolabe.cli.compare.server import CompareError

__all__ = ["CompareError", "Comparison", "compare", "report"]
