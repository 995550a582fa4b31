"""Text from outside made fit to print: it can neither control a terminal nor begin a line of its own.

Names and messages come from whoever may write to the cluster, request lines and headers from whoever reaches
the port. Control characters (C0, C1), line ends, and what turns text around or is invisible (U+202E, U+200B)
are shown as Python would write them: `\\x1b`, `\\n`, `\\u202e`.
"""

from __future__ import annotations


def printable(text: str) -> str:
    """One line that a terminal shows as it is."""
    return text if text.isprintable() else "".join(map(_shown, text))


def printable_json(document: str) -> str:
    """A JSON document in which what cannot be printed is escaped, as JSON has it: the same document.

    document: on one line, without indentation; what cannot be printed is only ever inside its strings.
    """
    return document if document.isprintable() else "".join(map(_escaped, document))


def _shown(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode("ascii")


def _escaped(character: str) -> str:
    if character.isprintable():
        return character
    pairs = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{pairs[at : at + 4]}" for at in range(0, len(pairs), 4))
