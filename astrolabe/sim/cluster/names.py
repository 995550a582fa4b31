"""What a company calls its namespaces, applications and components."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

#: Teams in the order in which a growing company founds them; the second is the cluster's own.
_TEAMS = (
    "checkout",
    "kube-system",
    "payments",
    "search",
    "catalog",
    "monitoring",
    "accounts",
    "shipping",
    "notifications",
    "recommendations",
    "inventory",
    "fraud",
    "pricing",
    "returns",
    "loyalty",
    "reviews",
    "media",
    "analytics",
    "billing",
    "identity",
    "support",
    "crm",
    "marketing",
    "mobile",
    "partners",
    "warehouse",
    "webhooks",
    "ml-serving",
    "data-platform",
    "storefront",
    "subscriptions",
    "tax",
    "geo",
    "experiments",
    "compliance",
    "platform",
)

#: What some teams run; the others name their applications after themselves.
_APPLICATIONS = {
    "checkout": ("cart", "orders", "coupons", "delivery-slots", "gift-cards", "basket"),
    "payments": ("payments", "ledger", "payouts", "refunds", "card-vault", "bank-sync"),
    "search": ("search", "indexer", "suggest", "ranking", "synonyms", "crawler"),
    "catalog": ("catalog", "products", "categories", "images", "attributes", "feeds"),
    "kube-system": ("coredns", "metrics-server", "cert-manager", "external-dns", "cluster-autoscaler"),
    "monitoring": ("prometheus", "grafana", "alertmanager", "loki", "tempo"),
}
_MATTERS = (
    "core",
    "events",
    "rules",
    "import",
    "export",
    "profiles",
    "audit",
    "reports",
    "sessions",
    "limits",
    "alerts",
    "quotes",
    "tokens",
    "archive",
    "stats",
    "templates",
    "feeds",
    "forms",
    "settings",
    "invites",
    "tags",
    "history",
    "preview",
    "uploads",
)
_ROLES = ("api", "web", "worker", "consumer", "admin", "scheduler", "gateway", "cache", "exporter", "sync")
_STAGES = ("staging", "qa", "dev", "demo", "load")
_DATABASES = ("postgres", "redis", "kafka", "rabbitmq", "elasticsearch", "mongodb", "minio", "clickhouse")
_AGENTS = (
    "node-exporter",
    "fluent-bit",
    "kube-proxy",
    "cni-agent",
    "csi-node",
    "node-local-dns",
    "falco",
    "gpu-plugin",
    "log-rotate",
)
_TASKS = (
    "report",
    "cleanup",
    "backup",
    "sync",
    "reindex",
    "invoice",
    "digest",
    "reconcile",
    "prune",
    "archive",
)


def namespaces(number: int) -> list[tuple[str, str]]:
    """(name, team) of the first namespaces: each team's own, then its stages, then its review environments."""
    found: list[tuple[str, str]] = []
    for suffix in _suffixes():
        for team in _TEAMS:
            if suffix and team == "kube-system":
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
    own = _APPLICATIONS.get(team, ()) or (team,)
    yield from own
    for round in count():
        suffix = f"-{round + 1}" if round else ""
        for matter in _MATTERS:
            yield f"{team}-{matter}{suffix}"


def components(application: str, number: int) -> list[str]:
    """The names of the first components of an application, at most ten."""
    return [f"{application}-{role}" for role in _ROLES[:number]]


def databases() -> Iterator[str]:
    """Names of stateful components, without end."""
    yield from _DATABASES
    for round in count(2):
        yield from (f"{name}-{round}" for name in _DATABASES)


def agents(number: int) -> list[str]:
    """Names of components that run on every node."""
    extra = (f"agent-{index}" for index in count(1))
    return [*_AGENTS[:number], *(next(extra) for _ in range(number - len(_AGENTS)))]


def tasks() -> Iterator[str]:
    """Names of recurring tasks, without end."""
    yield from _TASKS
    for round in count(2):
        yield from (f"{name}-{round}" for name in _TASKS)
