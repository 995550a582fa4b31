"""What is logged at the default verbosity when watches lose their connection."""

from __future__ import annotations

import logging

import pytest

from astrolabe.kube.health import OutageLog

REFUSED = "no connection to 10.0.0.1:443: Connection refused"


@pytest.fixture(autouse=True)
def _default_verbosity(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="astrolabe.kube")


def test_an_outage_of_all_watches_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    outages = OutageLog()
    watches = [f"Kind{number}" for number in range(22)]
    for watch in watches:
        outages.begin(watch, REFUSED, news=True)
    for watch in reversed(watches):
        outages.end(watch)
    assert caplog.messages == [
        f"Kind0: {REFUSED}",
        f"more watches: {REFUSED}",
        "22 watches: connected again",
    ]


def test_an_outage_of_one_watch(caplog: pytest.LogCaptureFixture) -> None:
    outages = OutageLog()
    outages.begin("Pod", "the server closed the connection", news=True)
    outages.begin("Pod", "500 InternalError: etcd is away", news=False)
    outages.end("Pod")
    outages.end("Pod")
    assert caplog.messages == ["Pod: the server closed the connection", "Pod: connected again"]


def test_different_outages_are_logged_separately(caplog: pytest.LogCaptureFixture) -> None:
    outages = OutageLog()
    outages.begin("Pod", "the server closed the connection", news=True)
    outages.begin("Node", "the server stopped responding", news=True)
    outages.end("Pod")
    outages.end("Node")
    outages.begin("Node", "the server closed the connection", news=True)
    assert caplog.messages == [
        "Pod: the server closed the connection",
        "Node: the server stopped responding",
        "2 watches: connected again",
        "Node: the server closed the connection",
    ]


def test_a_removed_watch_does_not_prolong_an_outage(caplog: pytest.LogCaptureFixture) -> None:
    outages = OutageLog()
    for watch in ("Pod", "Node", "Secret"):
        outages.begin(watch, REFUSED, news=False)
    outages.forget("Secret")
    outages.end("Pod")
    outages.end("Node")
    outages.end("Secret")
    assert caplog.messages == ["3 watches: connected again"]
