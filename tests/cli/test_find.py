"""`astrolabe find`, of a served cluster."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest

from tests.cli.asking import ask, served, store_of
from tests.incidents.made import MadeCluster, running, waiting


def trouble(c: MadeCluster) -> None:
    c.workload("web", running())
    c.workload("cart", waiting("CrashLoopBackOff", "back-off 5m0s restarting failed container=app"))


@pytest.fixture
async def shop(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    monkeypatch.setenv("COLUMNS", "100")
    async with served(store_of(trouble)) as address:
        monkeypatch.setenv("ASTROLABE_SERVER", address)
        yield address


WIDE = """\
KIND  NAMESPACE  NAME    STATUS  REASON            AGE  MESSAGE
Pod   shop       cart-0  Error   CrashLoopBackOff  3d   back-off 5m0s restarting
                                                        failed container=app
Pod   shop       web-0   Ready   Running           3d
"""
BELOW = """\
KIND  NAMESPACE  NAME    STATUS  REASON            AGE
Pod   shop       cart-0  Error   CrashLoopBackOff  3d
  back-off 5m0s restarting failed container=app
Pod   shop       web-0   Ready   Running           3d
"""
NARROW = """\
Pod/shop/cart-0
  Error CrashLoopBackOff, 3d old
  back-off 5m0s restarting failed
  container=app
Pod/shop/web-0
  Ready Running, 3d old
"""


async def test_a_table_fits_the_terminal(shop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for columns, table in ((84, WIDE), (60, BELOW), (36, NARROW)):
        monkeypatch.setenv("COLUMNS", str(columns))
        assert await ask("find", "kind:po", "ns:shop", "-status:Unknown") == (0, table, "")


async def test_names_are_for_other_commands(shop: str) -> None:
    assert await ask("find", "cart", "-kind:rs", "-o", "name", "-n", "shop") == (
        0,
        "Deployment/shop/cart\nEndpointSlice/shop/cart-x\nPod/shop/cart-0\nService/shop/cart\n",
        "",
    )
    code, out, _ = await ask("find", "-o=json", "--kind=Node", "--", "n1")
    assert (code, [each["name"] for each in json.loads(out)]) == (0, ["n1"])


async def test_nothing_is_found(shop: str) -> None:
    assert await ask("find", "nobody") == (1, "", "nothing is found\n")
    code, _, err = await ask("find", "nmae:web")
    assert (code, err[:54]) == (2, "astrolabe: q does not parse: unknown field 'nmae': did")
