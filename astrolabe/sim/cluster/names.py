"""What a company calls its namespaces, applications and components."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

SYSTEM = "kube-system"

#: The start of the names of namespaces and cluster-wide objects that belong to incidents.
INCIDENT = "incident-"

#: Teams in the order in which a growing company founds them; the second is the cluster's own.
_TEAMS = (
    "checkout kube-system payments search catalog monitoring accounts shipping notifications inventory "
    "fraud recommendations pricing returns loyalty reviews media analytics billing identity support crm "
    "marketing mobile partners warehouse webhooks ml-serving data-platform storefront subscriptions tax geo "
    "experiments compliance platform"
)

#: What some teams run; the others name their applications after themselves.
_APPLICATIONS = {
    "checkout": "cart basket orders coupons delivery-slots gift-cards order-history address-book wishlist "
    "shipping-quotes promotions tax-quotes order-events abandoned-carts invoices order-export receipts "
    "express-checkout stock-reservations order-search surcharges packaging click-and-collect order-limits",
    "payments": "payments ledger payouts refunds card-vault bank-sync chargebacks settlements fraud-rules "
    "risk-score currency-rates dunning billing-cycles direct-debit wallet merchant-portal reconciliation "
    "psp-adapter three-ds mandates payment-links fees statements tokenizer",
    "search": "search indexer suggest ranking synonyms crawler query-parser facets spellcheck embeddings "
    "click-tracking search-admin relevance-lab trending personalization popular-queries image-search "
    "redirects catalog-feed index-builder query-log boosting stop-words vector-store",
    "catalog": "products categories images attributes feeds brands bundles variants price-lists taxonomy "
    "descriptions translations media-library imports exports product-admin size-charts related-products",
    "monitoring": "prometheus grafana alertmanager loki tempo thanos blackbox-exporter pushgateway karma "
    "kube-state-metrics opentelemetry-collector pyroscope",
    SYSTEM: "coredns metrics-server cert-manager external-dns cluster-autoscaler ingress-nginx velero "
    "sealed-secrets csi-controller descheduler reloader policy-webhook",
}
_MATTERS = (
    "core events rules import export profiles audit reports sessions limits alerts quotes tokens archive "
    "stats templates feeds forms settings invites tags history preview uploads"
)
_ROLES = ("api", "web", "worker", "consumer", "admin", "scheduler", "gateway", "cache", "exporter", "sync")
_STAGES = ("staging", "qa", "dev", "demo", "load")
_DATABASES = "postgres redis kafka rabbitmq elasticsearch mongodb minio clickhouse"
_AGENTS = "node-exporter fluent-bit kube-proxy cni-agent csi-node node-local-dns falco gpu-plugin log-rotate"
_TASKS = "report cleanup backup sync reindex digest reconcile prune archive warmup"


def namespaces(number: int) -> list[tuple[str, str]]:
    """(name, team) of the first namespaces: each team's own, then its stages, then its reviews."""
    found: list[tuple[str, str]] = []
    for suffix in _suffixes():
        for team in _TEAMS.split():
            if suffix and team == SYSTEM:
                continue
            found.append((team + suffix, team))
            if len(found) == number:
                return found
    return found


def _suffixes() -> Iterator[str]:
    yield ""
    for stage in _STAGES:
        yield f"-{stage}"
    for review in count(1):
        yield f"-pr-{1000 + 37 * review}"


def applications(team: str) -> Iterator[str]:
    """The names of a team's applications, without end."""
    yield from _APPLICATIONS.get(team, "").split()
    for round in count(1):
        for matter in _MATTERS.split():
            yield f"{team}-{matter}" if round == 1 else f"{team}-{matter}-{round}"


def components(application: str, number: int) -> list[str]:
    """The names of the components of an application, at most ten; a single one has the application's."""
    return [f"{application}-{role}" for role in _ROLES[:number]] if number > 1 else [application]


def databases() -> Iterator[str]:
    """Names of stateful components, without end."""
    yield from _numbered(_DATABASES.split())


def cron_jobs(first: int) -> Iterator[str]:
    """Names of recurring tasks, without end, starting at a random one."""
    known = _TASKS.split()
    start = first % len(known)
    yield from _numbered(known[start:] + known[:start])


def agents(number: int) -> list[str]:
    """Names of components that run on every node."""
    names = _numbered(_AGENTS.split())
    return [next(names) for _ in range(number)]


def _numbered(known: list[str]) -> Iterator[str]:
    yield from known
    for round in count(2):
        yield from (f"{name}-{round}" for name in known)
