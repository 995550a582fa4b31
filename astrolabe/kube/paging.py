"""How many objects to request per page of a list. Each list of the reflector adapts it.

Apart from the reflector, because its rule can be tested without lists.
"""

from __future__ import annotations

#: Objects per page, as in client-go's pager.
PAGE_SIZE = 500
#: The divisor of the page size after a page was too large. A smaller one would cost more, because each page
#: that is too large is read up to the limit.
STEP = 8


class PageSize:
    """Adapts the page size: smaller where objects are large, down to one, and then larger again.

    limit: how many objects to request. longest: bytes of a page.
    """

    def __init__(self, longest: int) -> None:
        self.limit = PAGE_SIZE
        self._longest = longest
        #: Objects among which is the one that made a page too large.
        self._suspects = 0

    def shrink(self) -> None:
        """The page was too large. The next one starts at the same object with fewer objects."""
        self._suspects = self.limit
        self.limit = max(1, self.limit // STEP)

    def note(self, size: int) -> None:
        """Note the size of a page in bytes."""
        self._suspects -= self.limit
        if self._suspects <= 0 and size < self._longest // (2 * STEP):
            self.limit = min(PAGE_SIZE, self.limit * STEP)

    def skip(self) -> None:
        """The only object of the page was too large, and is skipped."""
        self._suspects = 0
