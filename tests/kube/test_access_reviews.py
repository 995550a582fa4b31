"""Reviews against a simulated API server that fails."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest

from astrolabe.kube import access_reviews
from astrolabe.kube.access_reviews import AccessReviews
from astrolabe.kube.client import Cluster
from astrolabe.settings import Settings
from astrolabe.sim.api.authorization import Authorizer
from astrolabe.sim.api.reviews import Reviews
from astrolabe.sim.faults import Disconnect, HtmlPage, HttpStatus, InjectedFault
from astrolabe.sim.kubeconfig import kubeconfig_file
from astrolabe.sim.server import Simulator
from astrolabe.sim.store import ObjectStore
from astrolabe.users import Question, ReviewUnavailable, User

JANE = User("jane", ("system:authenticated",))
POD_NAME = "authentication.kubernetes.io/pod-name"
PODS = Question(resource="pods", namespace="shop")


@asynccontextmanager
async def reviews(simulator: Simulator, token: str) -> AsyncIterator[tuple[AccessReviews, Path]]:
    """Asks with this token, from a kubeconfig that may change."""
    with kubeconfig_file(simulator.url, user={"token": token}) as path:
        cluster = await Cluster.connect(Settings(in_cluster=False, kubeconfig=path))
        try:
            yield AccessReviews(cluster), Path(path)
        finally:
            await cluster.close()


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator(
        ObjectStore(), authorizer=Authorizer({"own": "astrolabe", "t": "jane"})
    ) as simulator:
        yield simulator


def fails(kind: str, fault: type[InjectedFault], times: int, **more: int) -> InjectedFault:
    return fault(kind=kind, verb="create", times=times, **more)


@pytest.mark.parametrize(
    "fault",
    [
        fails("TokenReview", HttpStatus, 2, code=429, retry_after=0),
        fails("TokenReview", HttpStatus, 2, code=500),
        fails("TokenReview", HttpStatus, 2, code=503),
        fails("TokenReview", Disconnect, 2),
    ],
    ids=lambda fault: f"{type(fault).__name__}-{getattr(fault, 'code', '')}",
)
async def test_temporary_failures_are_retried(simulator: Simulator, fault: InjectedFault) -> None:
    simulator.faults.add(fault)
    async with reviews(simulator, "own") as (asking, _):
        assert await asking.identify("t") == JANE


async def test_retry_after_is_honoured(simulator: Simulator) -> None:
    simulator.faults.add(fails("SubjectAccessReview", HttpStatus, 1, code=429, retry_after=1))
    async with reviews(simulator, "own") as (asking, _):
        began = perf_counter()
        assert not await asking.permits(JANE, PODS)
        assert 1.0 <= perf_counter() - began < 3.0


@pytest.mark.parametrize(
    ("fault", "told", "tries"),
    [
        (fails("TokenReview", HttpStatus, 9, code=500), "TokenReview answers 500", 3),
        (fails("TokenReview", HttpStatus, 9, code=403), "TokenReview answers 403", 1),
        (fails("TokenReview", HtmlPage, 9), "TokenReview answers 200", 1),
        (fails("TokenReview", Disconnect, 9), "TokenReview: the API server cannot be reached", 3),
    ],
    ids=lambda each: str(each) if isinstance(each, str) else "",
)
async def test_lasting_failures_do_not_quote_the_cluster(
    simulator: Simulator, fault: InjectedFault, told: str, tries: int
) -> None:
    simulator.faults.add(fault)
    async with reviews(simulator, "own") as (asking, _):
        with pytest.raises(ReviewUnavailable) as error:
            await asking.identify("a-token-of-somebody")
    assert str(error.value) == told
    assert "a-token-of-somebody" not in error.value.detail
    assert (
        len([each for each in simulator.request_log.requests if each.path.endswith("/tokenreviews")]) == tries
    )


async def test_credentials_that_were_replaced_are_loaded_again(simulator: Simulator) -> None:
    async with reviews(simulator, "own") as (asking, path):
        assert await asking.identify("t") == JANE
        path.write_text(path.read_text().replace("own", "newer"))
        simulator.authorizer.tokens["newer"] = simulator.authorizer.tokens.pop("own")
        assert await asking.identify("t") == JANE
        # They are refused, and there are no others.
        del simulator.authorizer.tokens["newer"]
        with pytest.raises(ReviewUnavailable, match=r"^TokenReview answers 401$"):
            await asking.identify("t")
        path.write_text("no kubeconfig")
        with pytest.raises(ReviewUnavailable, match=r"^TokenReview answers 401$") as error:
            await asking.identify("t")
        assert "kubeconfig" in error.value.detail


async def test_a_missing_answer_times_out(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access_reviews, "ANSWER_SECONDS", 0.0)
    async with reviews(simulator, "own") as (asking, _):
        with pytest.raises(ReviewUnavailable, match=r"^TokenReview: no answer within 0 s$"):
            await asking.identify("t")


async def test_each_token_of_a_service_account_is_the_same_user(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def token_review(request: Mapping[str, Any]) -> dict[str, Any]:
        token = request["spec"]["token"]
        user = {
            "username": "system:serviceaccount:shop:web",
            "uid": "5f1",
            "extra": {
                "authentication.kubernetes.io/credential-id": [f"JTI={token}"],
                "authentication.kubernetes.io/pod-name": [token[:5]],
            },
        }
        return {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenReview",
            "status": {"authenticated": True, "user": user},
        }

    monkeypatch.setattr(Reviews, "token", lambda _, request: token_review(request))
    async with reviews(simulator, "own") as (asking, _):
        users = [await asking.identify(token) for token in ("web-1/a", "web-1/b", "web-2/a")]
    expected = [
        User("system:serviceaccount:shop:web", uid="5f1", extra=((POD_NAME, (pod,)),))
        for pod in ("web-1", "web-1", "web-2")
    ]
    assert users == expected
