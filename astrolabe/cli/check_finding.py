"""What `astrolabe check` finds. A leaf that all parts of the check share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

CheckResult = Literal["ok", "missing", "optional", "warning", "noise", "left out"]

#: An access review failed.
UNREVIEWED = "the API server did not answer an access review"


@dataclass(frozen=True)
class Finding:
    """subject: what was checked. about: its details. advice: what is wrong and what to do, or "".

    outcome: `missing`: Astrolabe cannot serve without it; `optional`: without it the graph shows less;
        `warning`: something may go wrong later; `noise`, `left out`: a custom kind that is not watched.
    """

    subject: str
    outcome: CheckResult
    advice: str = ""
    about: str = ""
