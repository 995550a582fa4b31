"""Walks through what is kept as it came, for keys that end in a suffix."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

#: Of a walk: how deep it goes, and at how many objects it looks.
DEEPEST_WALK = 12
LONGEST_WALK = 2_000

#: An element, and the path that leads to it as text.
Item = tuple[Any, str]

_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_LIST = msgspec.json.Decoder(list[msgspec.Raw])


def walker(
    suffix: str, decoder: msgspec.json.Decoder[Any], below: Callable[[Any], Iterable[Item]]
) -> Callable[[Any], Iterable[Item]]:
    """Looks for keys that end with the suffix. Everything else stays bytes and is never decoded."""
    alone = suffix[:1].lower() + suffix[1:]

    def walk(value: Any) -> Iterator[Item]:
        if not isinstance(value, msgspec.Raw):
            return
        waiting: list[tuple[msgspec.Raw, str, int]] = [(value, "", 0)]
        looked = 0
        while waiting and looked < LONGEST_WALK:
            raw, text, depth = waiting.pop()
            looked += 1
            first = bytes(memoryview(raw)[:1])
            if first == b"[":
                inner = [(each, f"{text}[{at}]") for at, each in enumerate(_LIST.decode(raw))]
            elif first == b"{":
                inner = []
                for key, each in _OBJECT.decode(raw).items():
                    if key.endswith(suffix) or key == alone:
                        for item, where in below(decoder.decode(each)):
                            yield item, f"{text}.{key}{where}"
                    # Some have further ones inside: `auth.secretRef.accessKeyIDSecretRef`.
                    inner.append((each, f"{text}.{key}"))
            else:
                continue
            if depth < DEEPEST_WALK:
                waiting.extend([(each, where, depth + 1) for each, where in reversed(inner)])

    return walk
