"""The codes of errors: all that the server says are described, with their close codes."""

from __future__ import annotations

import ast
from pathlib import Path

from websockets.frames import CloseCode

import astrolabe.http
from astrolabe.client.connection import FINAL_CODES
from astrolabe.http.net import close_codes
from astrolabe.http.openapi.codes import ERROR_CODES, FINAL

#: The place of the code among the arguments, by the name of what is called.
PLACES = {"Refusal": 1, "close": 1, "_refuse": 1, "explain": 0}


def said() -> set[str]:
    """The codes that the server's source has as literals."""
    found = set()
    for path in Path(astrolabe.http.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                place = PLACES.get(name, len(node.args))
                if place < len(node.args) and isinstance(argument := node.args[place], ast.Constant):
                    found.add(str(argument.value))
            elif isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "_WORDS":
                found |= set(ast.literal_eval(node.value).values())
    return found


def test_every_error_code_is_described() -> None:
    # "bad-request" stands beside _WORDS, for every status that is not in it.
    assert said() | {"bad-request"} == {each.code for each in ERROR_CODES}
    assert len({each.code for each in ERROR_CODES}) == len(ERROR_CODES)


def test_every_close_code_is_described() -> None:
    codes = {
        value for name, value in vars(close_codes).items() if name.isupper() and isinstance(value, int)
    } - {close_codes.PEERS_FAULT}
    assert {each.close for each in ERROR_CODES if each.close} == codes | {CloseCode.PROTOCOL_ERROR}


def test_a_refusal_has_the_close_code_of_its_status() -> None:
    for each in ERROR_CODES:
        if each.status and each.close and each.code not in ("timeout", "too-big"):
            assert each.close == close_codes.of_status(each.status), each.code


def test_coming_back_depends_on_the_close_code() -> None:
    assert FINAL in FINAL_CODES
    assert FINAL - 1 not in FINAL_CODES
    for each in ERROR_CODES:
        if each.close:
            assert each.retry == (each.close < FINAL), each.code
