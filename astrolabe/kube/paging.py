"""How many objects of a list to ask for at a time."""

from __future__ import annotations

#: Objects a page of a list, as client-go's pager has it.
PAGE_SIZE = 500
#: By how much fewer are asked for when a page was too large. Half as many would be gentler, and cost more:
#: each page that is too large is read up to its bound.
STEP = 8


class PageSize:
    """As many as fit: fewer where they are large, down to the one that is to blame, and then more again.

    limit: how many to ask for. longest: bytes of a page.
    """

    def __init__(self, longest: int) -> None:
        self.limit = PAGE_SIZE
        self._longest = longest
        #: How many objects come at most before the one that made a page too large is behind.
        self._suspects = 0

    def shrink(self) -> None:
        """The page was too large: there are fewer in the next, which begins with the same object."""
        self._suspects = self.limit
        self.limit = max(1, self.limit // STEP)

    def note(self, size: int) -> None:
        """The page was of so many bytes."""
        self._suspects -= self.limit
        if self._suspects <= 0 and size < self._longest // (2 * STEP):
            self.limit = min(PAGE_SIZE, self.limit * STEP)

    def skip(self) -> None:
        """The one object of the page was too large, and is left out."""
        self._suspects = 0
