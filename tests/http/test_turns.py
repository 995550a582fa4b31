"""Several subscriptions of one connection: each has its turn."""

from astrolabe.graph.views.filter import EVERYTHING
from tests.support.connections import OneByOne, settle
from tests.support.worlds import facts, only, shop


async def test_a_busy_subscription_starves_no_other() -> None:
    world, connection = shop(), OneByOne()
    client = world.hub.join(connection)
    client.subscribe("busy", EVERYTHING)
    client.subscribe("second", only(kind="Pod"))
    client.subscribe("third", only(kind="Service"))
    told = []
    for number in range(6):
        world.set(facts("Namespace", f"more-{number}"))
        connection.writable = True
        client.wake()
        await settle()
        told += [message["id"] for message in connection.take()]
    assert set(told[:4]) == {"busy", "second", "third"}
