"""Text of the cluster in the words of an answer: names as they are, all else in double quotes.

A leaf: every answer in words needs it, and nothing that can be misread may pass by it.
"""

from __future__ import annotations

import re

#: Characters of a message that are told.
LONGEST_MESSAGE = 200
#: What names and fields of Kubernetes consist of. Others are quoted: a ClusterRole's name may have blanks.
_PLAIN = re.compile(r"[][A-Za-z0-9._:/-]+")


def clean(text: str) -> str:
    """Without control characters, invisible ones and line breaks, which could pass for something else."""
    return " ".join("".join([each if each.isprintable() else " " for each in text]).split())


def quoted(text: str, most: int = LONGEST_MESSAGE) -> str:
    """A text of the cluster: data, and no instruction."""
    said = clean(text).replace('"', "'")
    return f'"{said if len(said) <= most else said[: most - 1] + "…"}"'


def plain(name: str) -> str:
    """A name, quoted if it has characters that names do not usually have."""
    return name if _PLAIN.fullmatch(name) else quoted(name)
