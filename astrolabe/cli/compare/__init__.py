"""`astrolabe compare`: would a client of the first server notice that it is answered by the second?

Every path of the original's API is asked of both, with every parameter. A client may rely on what is there: a
path, its status, a key and its type, a node, an edge, a name, a value. It cannot rely on what is not, so what
the second has beyond the first goes unnoticed; nor on an order that the first does not keep itself, nor on
prose, nor on what is only of the moment (`age`, `epoch`, `seq`, counts).

A cluster changes between two questions, so what differs is asked again, and only what differs in the same way
each time is told. No more than two answers are held at a time, each of a bounded size.
"""

from astrolabe.cli.compare.comparison import Comparison, compare
from astrolabe.cli.compare.report import report
from astrolabe.cli.compare.server import CompareError

__all__ = ["CompareError", "Comparison", "compare", "report"]
