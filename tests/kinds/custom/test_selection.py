"""Which custom kinds the words of `--custom-resources` mean."""

from __future__ import annotations

import pytest

from astrolabe.kinds.custom.definition import Definition, ServedVersion
from astrolabe.kinds.custom.noise import NOISE
from astrolabe.kinds.custom.selection import Choice, Selection, SelectionError


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
def test_the_last_word_about_a_kind_decides(words: str, watched: tuple[Definition, ...]) -> None:
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
def test_what_is_no_word_is_refused(word: str) -> None:
    with pytest.raises(SelectionError, match="is none of: auto, none, "):
        Selection.of((word,))


def test_none_stands_alone() -> None:
    with pytest.raises(SelectionError, match="none stands alone"):
        Selection.of(("none", "*.cert-manager.io"))


def test_every_word_of_the_list_of_noise_is_one_and_has_a_reason() -> None:
    assert all(NOISE.values())
    assert len(Selection.of(tuple(NOISE)).words) == len(NOISE)
