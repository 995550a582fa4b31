"""Makes untrusted text safe to print: it cannot control a terminal or start a new line.

Anyone who can write to the cluster chooses names and messages. Anyone who can reach the port chooses request
lines and headers. Control characters (C0, C1), line breaks, and bidirectional or invisible characters
(U+202E, U+200B) are escaped as in Python: `\\x1b`, `\\n`, `\\u202e`.
"""

from __future__ import annotations


def printable(text: str) -> str:
    """The text as one line that is safe to print."""
    return text if text.isprintable() else "".join(map(_shown, text))


def printable_json(document: str) -> str:
    """The same JSON document with unprintable characters escaped.

    document: one line without indentation, so that unprintable characters occur only in strings.
    """
    return document if document.isprintable() else "".join(map(_escaped, document))


def _shown(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode("ascii")


def _escaped(character: str) -> str:
    if character.isprintable():
        return character
    pairs = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{pairs[at : at + 4]}" for at in range(0, len(pairs), 4))
