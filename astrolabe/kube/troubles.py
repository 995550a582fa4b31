"""What befalls many watches at once, as when the API server goes away: told once, not once a watch."""

from __future__ import annotations

import logging

log = logging.getLogger("astrolabe.kube")


class Troubles:
    """Which watches have lost their connection, and why; shared by all watches of one cluster."""

    def __init__(self) -> None:
        self._why: dict[str, str] = {}
        self._most = 0

    def begin(self, watch: str, why: str, *, news: bool) -> None:
        """This watch has a trouble. A warning when that is news, but for the third with the same and on."""
        self._why.pop(watch, None)
        others = list(self._why.values()).count(why)
        self._why[watch] = why
        self._most = max(self._most, len(self._why))
        log.log(
            logging.WARNING if news and others < 2 else logging.DEBUG,
            "%s: %s",
            "more watches" if others == 1 else watch,
            why,
        )

    def end(self, watch: str) -> None:
        """It is over for this watch; said of all of them at once, when it is over for the last."""
        if self._why.pop(watch, None) is None:
            return
        if self._why:
            log.debug("%s: connected again", watch)
            return
        log.info("%s: connected again", watch if self._most == 1 else f"{self._most} watches")
        self._most = 0

    def forget(self, watch: str) -> None:
        """Nothing more is said of this watch: what it is waiting for concerns it alone."""
        self._why.pop(watch, None)
        if not self._why:
            self._most = 0
