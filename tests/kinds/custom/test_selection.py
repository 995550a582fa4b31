"""Which custom kinds the words of `--custom-resources` mean."""

from __future__ import annotations

import pytest

from astrolabe.kinds.custom.definition import Definition, ServedVersion
from astrolabe.kinds.custom.noise import NOISE
from astrolabe.kinds.custom.selection import Choice, Selection, SelectionError, bounded


def kind(name: str, group: str, *short_names: str) -> Definition:
    return Definition(
        group=group,
        kind=name,
        plural=f"{name.lower()}s",
        versions=(ServedVersion("v1"),),
        short_names=short_names,
    )


CERTIFICATE = kind("Certificate", "cert-manager.io", "cert")
CHALLENGE = kind("Challenge", "acme.cert-manager.io")
ENDPOINT = kind("CiliumEndpoint", "cilium.io", "cep")
POLICY = kind("CiliumNetworkPolicy", "cilium.io", "cnp")
ALL = (CERTIFICATE, CHALLENGE, ENDPOINT, POLICY)


@pytest.mark.parametrize(
    ("words", "watched"),
    [
        ("", (CERTIFICATE, CHALLENGE, POLICY)),
        ("auto", (CERTIFICATE, CHALLENGE, POLICY)),
        ("none", ()),
        ("*", ALL),
        ("*.cert-manager.io", (CERTIFICATE, CHALLENGE)),
        ("Certificate.cert-manager.io", (CERTIFICATE,)),
        ("certificates.cert-manager.io", (CERTIFICATE,)),
        ("CERT.Cert-Manager.io", (CERTIFICATE,)),
        ("*.acme.cert-manager.io", (CHALLENGE,)),
        ("*.manager.io", ()),
        ("auto,CiliumEndpoint.cilium.io", ALL),
        ("auto,-*.cert-manager.io", (POLICY,)),
        ("-*.cert-manager.io", (POLICY,)),
        ("*,-*.cilium.io,cnp.cilium.io", (CERTIFICATE, CHALLENGE, POLICY)),
        ("cnp.cilium.io,-*.cilium.io", ()),
        ("*.cert-manager.io,-Challenge.acme.cert-manager.io", (CERTIFICATE,)),
    ],
)
def test_the_last_matching_word_decides(words: str, watched: tuple[Definition, ...]) -> None:
    selection = Selection.of(words.split(","))
    assert tuple(each for each in ALL if selection.choose(each).watched) == watched


def test_every_choice_has_a_reason() -> None:
    selection = Selection.of(("auto", "*.cert-manager.io", "-Challenge.acme.cert-manager.io"))
    assert [selection.choose(each) for each in ALL] == [
        Choice(True, "asked", "*.cert-manager.io"),
        Choice(False, "left-out", "-Challenge.acme.cert-manager.io"),
        Choice(False, "noise", "one for each Pod, address or node of the network"),
        Choice(True, "auto"),
    ]
    assert Selection.of(("cert.cert-manager.io",)).choose(POLICY) == Choice(False, "left-out")


@pytest.mark.parametrize("word", ["certificates", "*.", ".cert-manager.io", "a*.b.c", "*.*.io", "-", "-none"])
def test_invalid_words_are_refused(word: str) -> None:
    with pytest.raises(SelectionError, match="is not one of auto, none, "):
        Selection.of((word,))


def test_none_cannot_be_combined() -> None:
    with pytest.raises(SelectionError, match="none cannot be combined with others"):
        Selection.of(("none", "*.cert-manager.io"))


def test_every_noise_entry_is_a_valid_word_with_a_reason() -> None:
    assert all(NOISE.values())
    assert len(Selection.of(tuple(NOISE)).words) == len(NOISE)


@pytest.mark.parametrize(
    ("most", "places", "watched"),
    [
        (4, 0, [CERTIFICATE, CHALLENGE, POLICY, ENDPOINT]),
        (2, 0, [CHALLENGE, POLICY]),
        (3, 0, [CHALLENGE, CERTIFICATE, POLICY]),
        (100, 40, [CHALLENGE, POLICY]),
        (39, 40, []),
    ],
)
def test_beyond_the_limit_requested_kinds_come_first_then_kinds_with_a_rule(
    most: int, places: int, watched: list[Definition]
) -> None:
    """Each namespace has a watch of its own."""
    definitions = {each.id: each for each in ALL}
    selection = Selection.of(("*", "Challenge.acme.cert-manager.io"))
    choices = {id: selection.choose(each) for id, each in definitions.items()}
    found = bounded(choices, definitions, places=places, most=most, has_rule=lambda id: id == POLICY.id)
    assert {id for id, choice in found.items() if choice.watched} == {each.id for each in watched}
    why = f"custom kinds may have {most} watches (--max-custom-watches)"
    left_out = [choice for choice in found.values() if not choice.watched]
    assert left_out == [Choice(False, "limit", why)] * (len(ALL) - len(watched))


def test_a_cluster_scoped_kind_takes_one_watch() -> None:
    wide = Definition(
        group="a.io", kind="Wide", plural="wides", versions=(ServedVersion("v1"),), namespaced=False
    )
    definitions = {each.id: each for each in (CERTIFICATE, wide)}
    choices = {id: Choice(True, "auto") for id in definitions}
    found = bounded(choices, definitions, places=3, most=2, has_rule=lambda _: False)
    assert [id.kind for id, choice in found.items() if choice.watched] == ["Wide"]
