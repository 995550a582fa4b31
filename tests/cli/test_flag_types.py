from __future__ import annotations

import pytest

from astrolabe.cli import flag_types


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        ("50ms", 0.05),
        ("1s", 1.0),
        ("1.5s", 1.5),
        (".5s", 0.5),
        ("1m30s", 90.0),
        ("2h", 7200.0),
        ("250us", 0.00025),
        ("250µs", 0.00025),
        ("1ns", 1e-9),
    ],
)
def test_durations_are_written_as_in_go(text: str, seconds: float) -> None:
    assert flag_types.duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "5", "ms", "1 s", "-1s", "1s2", "1d", "x1s", "1s,2s", "inf"])
def test_invalid_durations(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration such as 50ms or"):
        flag_types.duration(text)


@pytest.mark.parametrize("text", ["1", "t", "T", "true", "TRUE", "True"])
def test_texts_go_parses_as_true(text: str) -> None:
    assert flag_types.boolean(text) is True


@pytest.mark.parametrize("text", ["0", "f", "F", "false", "FALSE", "False"])
def test_texts_go_parses_as_false(text: str) -> None:
    assert flag_types.boolean(text) is False


@pytest.mark.parametrize("text", ["", "yes", "on", "tRUE", "2"])
def test_invalid_booleans(text: str) -> None:
    with pytest.raises(ValueError, match="must be true or false"):
        flag_types.boolean(text)


@pytest.mark.parametrize(("text", "value"), [("0", 0), ("4", 4), ("+3", 3), ("007", 7)])
def test_integers_include_their_bounds(text: str, value: int) -> None:
    assert flag_types.integer(0, 7)(text) == value


@pytest.mark.parametrize("text", ["", "-1", "8", "1.0", "1e1", "0x1", "1_0", "٣", "9" * 5000])
def test_invalid_integers_from_0_to_7(text: str) -> None:
    with pytest.raises(ValueError, match="not a whole number from 0 to 7"):
        flag_types.integer(0, 7)(text)


def test_an_integer_may_have_no_upper_bound() -> None:
    with pytest.raises(ValueError, match="not a whole number of at least 1"):
        flag_types.integer(1)("0")


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "x", ""])
def test_a_bound_may_be_excluded(text: str) -> None:
    with pytest.raises(ValueError, match="not a number above 0"):
        flag_types.number(0, exclusive=True)(text)


def test_a_bound_is_included_otherwise() -> None:
    assert flag_types.number(0)("0") == 0.0
    assert flag_types.number(0)("2.5") == 2.5


@pytest.mark.parametrize("text", ["localhost:6379", "10.0.0.1:1", "[::1]:6379", "redis.shop.svc:65535"])
def test_addresses(text: str) -> None:
    assert flag_types.address(text) == text


@pytest.mark.parametrize(
    "text", ["localhost", ":", "localhost:", "localhost:0", "localhost:65536", "::1:6379", "a b:1"]
)
def test_invalid_addresses(text: str) -> None:
    with pytest.raises(ValueError, match="not host:port"):
        flag_types.address(text)


def test_names_are_separated_by_commas() -> None:
    assert flag_types.namespaces("shop, web,") == ("shop", "web")
    assert flag_types.namespaces("") == ()


@pytest.mark.parametrize("name", ["Shop", "shop_1", "-shop", "shop.web", "x" * 64])
def test_a_namespace_is_a_dns_label(name: str) -> None:
    with pytest.raises(ValueError, match=f"'{name}' is not a valid namespace name"):
        flag_types.namespaces(f"web,{name}")


def test_kinds_are_those_of_the_table() -> None:
    assert flag_types.kinds("Service,Pod") == ("Service", "Pod")
    with pytest.raises(ValueError, match=r"unknown kind 'Pood', the kinds are: .*\bPod\b"):
        flag_types.kinds("Pod,Pood")


def test_a_label_selector_stays_text() -> None:
    assert flag_types.label_selector("a in (b,c),!d") == "a in (b,c),!d"
    assert flag_types.label_selector("") == ""
    with pytest.raises(ValueError, match="found '=', expected"):
        flag_types.label_selector("a=b=c")
