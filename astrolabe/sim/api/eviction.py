"""The subresource `eviction` of a Pod: the answer of Kubernetes, and the effect on the Pod and its budget.

It reads manifests only and shares no code with the prediction of a drain, so that tests can compare the two.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from astrolabe.graph.selector import Selector, SelectorError, from_expressions
from astrolabe.sim.api.errors import StatusError, no_such_object, status_error
from astrolabe.sim.store import ObjectStore

Json = dict[str, Any]

_POD, _BUDGET, _NAMESPACE = "Pod", "PodDisruptionBudget", "Namespace"
_VIOLATES = "Cannot evict pod as it would violate the pod's disruption budget."
_SEVERAL = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
_GRACE = 30

SUCCESS: Json = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}


def pod_of(path: str) -> tuple[str, str] | None:
    """Namespace and name of the Pod that the path of an eviction names."""
    match path.split("/"):
        case ["", "api", "v1", "namespaces", namespace, "pods", name, "eviction"]:
            return namespace, name
    return None


def is_dry_run(query: Mapping[str, str], asked: Json) -> bool:
    """Whether the query, or deleteOptions in the body, asks for a dry run."""
    return "All" in (query.get("dryRun"), *((asked.get("deleteOptions") or {}).get("dryRun") or ()))


class Evictor:
    """Evicts Pods of a store. Nobody else may change the store meanwhile."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def evict(self, namespace: str, name: str, *, dry_run: bool) -> None:
        """Evict a Pod, that is, begin to delete it. Raises StatusError if the eviction is refused."""
        home = self._store.get(_NAMESPACE, "", namespace)
        if home is not None and (home.get("status") or {}).get("phase") == "Terminating":
            raise _ending(namespace, name)
        pod = self._store.get(_POD, namespace, name)
        if pod is None:
            raise no_such_object("pods", "", name)
        if not _is_unguarded(pod):
            self._ask_budgets(pod, dry_run=dry_run)
        if not dry_run:
            self._delete(pod)

    def _ask_budgets(self, pod: Json, *, dry_run: bool) -> None:
        budgets = list(self._budgets_of(pod))
        if len(budgets) > 1:
            raise status_error(500, "", _SEVERAL)
        for budget in budgets:
            if _is_ready(pod) or not _lets_unready_go(budget):
                _decrement(budget, pod["metadata"]["name"])
                if not dry_run:
                    self._store.update(_BUDGET, budget)

    def _budgets_of(self, pod: Json) -> Iterator[Json]:
        for budget in self._store.manifests(_BUDGET):
            selector = _selector(budget["spec"].get("selector"))
            if selector is None or budget["metadata"]["namespace"] != pod["metadata"]["namespace"]:
                continue
            if selector.matches(pod["metadata"].get("labels") or {}):
                del budget["metadata"]["resourceVersion"]
                yield budget

    def _delete(self, pod: Json) -> None:
        metadata, status = pod["metadata"], pod.get("status") or {}
        if status.get("phase") in ("Succeeded", "Failed") or not pod["spec"].get("nodeName"):
            place = {key: metadata[key] for key in ("namespace", "name")}
            self._store.delete(_POD, {"metadata": place})
            return
        now = datetime.now(UTC)
        grace = pod["spec"].get("terminationGracePeriodSeconds", _GRACE)
        target = {
            "type": "DisruptionTarget",
            "status": "True",
            "lastTransitionTime": _time(now),
            "reason": "EvictionByEvictionAPI",
            "message": "Eviction API: evicting",
        }
        others = [each for each in status.get("conditions") or () if each["type"] != target["type"]]
        until = _time(now + timedelta(seconds=grace))
        del metadata["resourceVersion"]
        metadata = {"deletionTimestamp": until, "deletionGracePeriodSeconds": grace, **metadata}
        status = {**status, "conditions": [*others, target]}
        self._store.update(_POD, {**pod, "metadata": metadata, "status": status})


def _time(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def _is_unguarded(pod: Json) -> bool:
    """Whether the Pod is evicted without asking a budget."""
    phase = (pod.get("status") or {}).get("phase", "Pending")
    return phase in ("Succeeded", "Failed", "Pending") or "deletionTimestamp" in pod["metadata"]


def _is_ready(pod: Json) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def _lets_unready_go(budget: Json) -> bool:
    if budget["spec"].get("unhealthyPodEvictionPolicy") == "AlwaysAllow":
        return True
    status = budget.get("status") or {}
    return bool(status.get("currentHealthy", 0) >= status.get("desiredHealthy", 0) > 0)


def _selector(selector: Json | None) -> Selector | None:
    """The selector of a budget; None if it matches nothing or is invalid. An empty one matches everything."""
    if selector is None:
        return None
    terms = selector.get("matchExpressions") or ()
    expressions = [(each["key"], each["operator"], each.get("values") or ()) for each in terms]
    try:
        return from_expressions(selector.get("matchLabels") or {}, expressions)
    except SelectorError:
        return None


def _decrement(budget: Json, pod: str) -> None:
    """Use one of the disruptions that the budget allows. Raises StatusError if there is none."""
    name, status = budget["metadata"]["name"], budget.setdefault("status", {})
    if status.get("observedGeneration", 0) < budget["metadata"].get("generation", 0):
        raise _too_many(f"The disruption budget {name} is still being processed by the server.", after=10)
    allowed = status.get("disruptionsAllowed", 0)
    if allowed < 0:
        text = f'poddisruptionbudget.policy "{name}" is forbidden: pdb disruptions allowed is negative'
        raise status_error(403, "Forbidden", text, details={"name": name, "group": "policy"})
    if allowed == 0:
        raise _too_many(_why_none(name, status), after=0)
    status["disruptionsAllowed"] = allowed - 1
    status.setdefault("disruptedPods", {})[pod] = _time(datetime.now(UTC))


def _why_none(name: str, status: Json) -> str:
    denied = next(
        (
            each
            for each in status.get("conditions") or ()
            if each["type"] == "DisruptionAllowed" and each["status"] == "False" and each.get("message")
        ),
        None,
    )
    healthy, desired = status.get("currentHealthy", 0), status.get("desiredHealthy", 0)
    refusal = f"The disruption budget {name} does not allow evicting pods currently"
    if denied is not None and denied["reason"] == "SyncFailed":
        return f"{refusal} because it failed sync: {denied['message']}"
    if healthy <= desired:
        return f"The disruption budget {name} needs {desired} healthy pods and has {healthy} currently"
    return refusal if denied is None else f"{refusal} ({denied['reason']}): {denied['message']}"


def _too_many(cause: str, *, after: int) -> StatusError:
    details: Json = {"causes": [{"reason": "DisruptionBudget", "message": cause}]}
    if after:
        details["retryAfterSeconds"] = after
    return status_error(429, "TooManyRequests", _VIOLATES, details=details, retry_after=after or None)


def _ending(namespace: str, name: str) -> StatusError:
    cause = {
        "reason": "NamespaceTerminating",
        "message": f"namespace {namespace} is being terminated",
        "field": "metadata.namespace",
    }
    why = f"unable to create new content in namespace {namespace} because it is being terminated"
    text = f'pods "{name}" is forbidden: {why}'
    return status_error(403, "Forbidden", text, details={"name": name, "kind": "pods", "causes": [cause]})
