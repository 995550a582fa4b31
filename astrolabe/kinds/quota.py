"""ResourceQuota, LimitRange: what may be created in a namespace."""

from __future__ import annotations

from typing import Annotated

from astrolabe.graph.model.links import Ref
from astrolabe.graph.state.edge_types import LIMITS
from astrolabe.graph.state.identity import NAMESPACE
from astrolabe.graph.state.quantity import parse_quantity
from astrolabe.graph.state.status import PENDING, READY, Status
from astrolabe.kinds.common import always_ready
from astrolabe.kinds.kind import Kind
from astrolabe.kinds.manifest import Items, Labels, Manifest, Projection
from astrolabe.kinds.metadata import Metadata, about


def _namespace_links(limit: Manifest) -> tuple[Ref, ...]:
    """Its namespace, which exists."""
    namespace = limit.metadata.namespace
    return (Ref(LIMITS, NAMESPACE, "", namespace, "metadata.namespace", optional=True),)


class ScopeExpression(Projection):
    scope_name: str = ""
    operator: str = ""
    values: Items[str] | None = None

    def __str__(self) -> str:
        """As kubectl describes it."""
        values = f" [{', '.join(self.values)}]" if self.values else ""
        return f"{self.scope_name} {self.operator}{values}"


class ScopeSelector(Projection):
    match_expressions: Items[ScopeExpression] | None = None


class QuotaSpec(Projection):
    hard: Labels | None = None
    scopes: Items[str] | None = None
    scope_selector: ScopeSelector | None = None

    @property
    def all_scopes(self) -> list[str]:
        """Only for which pods it is; none: for all objects."""
        selector = self.scope_selector or ScopeSelector()
        return [*(self.scopes or ()), *map(str, selector.match_expressions or ())]


class QuotaStatus(Projection):
    hard: Labels | None = None
    used: Labels | None = None


class ResourceQuota(Manifest):
    """Amounts by resource, such as `pods` and `limits.memory`."""

    spec: QuotaSpec | None = None
    status: QuotaStatus | None = None


def _quota_status(quota: ResourceQuota) -> Status:
    """A used-up quota is not a failure: what exists continues. What it refuses says so itself."""
    spec, status = quota.spec or QuotaSpec(), quota.status or QuotaStatus()
    if spec.hard and not status.hard:
        return Status(PENDING, "Pending", "Waiting for the quota controller to count what is used")
    used, hard = status.used or {}, status.hard or {}
    exhausted = [name for name in sorted(hard) if _is_exhausted(used, hard, name)]
    if exhausted:
        amounts = ", ".join([f"{name} ({used[name]} of {hard[name]})" for name in exhausted])
        scopes = ", ".join(spec.all_scopes)
        return Status(READY, "Exhausted", f"Used up{f' for pods of {scopes}' if scopes else ''}: {amounts}")
    return Status(READY, "Ready")


def _is_exhausted(used: dict[str, str], hard: dict[str, str], name: str) -> bool:
    """Whether nothing is left. A quota of 0 that nothing uses forbids, and is not used up."""
    amount, limit = parse_quantity(used.get(name, "")), parse_quantity(hard[name])
    return amount is not None and limit is not None and amount >= limit and amount > 0


class QuotaMetadata(Metadata):
    quota: Annotated[list[str], about("Used and allowed, by resource.", ["pods: 3/10"])] = []
    scopes: Annotated[list[str], about("Only for which pods it is.", ["BestEffort"])] = []


def _quota_metadata(quota: ResourceQuota) -> QuotaMetadata:
    status = quota.status or QuotaStatus()
    used, hard = status.used or {}, status.hard or {}
    return QuotaMetadata(
        quota=[f"{name}: {used.get(name, '0')}/{hard[name]}" for name in sorted(hard)],
        scopes=(quota.spec or QuotaSpec()).all_scopes,
    )


RESOURCE_QUOTA = Kind(
    name="ResourceQuota",
    group="",
    version="v1",
    plural="resourcequotas",
    layer="policy",
    column=6,
    short_names=("quota",),
    manifest=ResourceQuota,
    status=_quota_status,
    metadata=_quota_metadata,
    shows=QuotaMetadata,
    links=_namespace_links,
    makes=((LIMITS, NAMESPACE),),
    optional=True,
    expected=False,
)


class LimitRangeItem(Projection):
    type: str = ""


class LimitRangeSpec(Projection):
    limits: Items[LimitRangeItem] | None = None


class LimitRange(Manifest):
    spec: LimitRangeSpec | None = None


class LimitRangeMetadata(Metadata):
    limits: Annotated[list[str], about("What it limits.", ["Container"])] = []


def _range_metadata(limit_range: LimitRange) -> LimitRangeMetadata:
    limits = (limit_range.spec or LimitRangeSpec()).limits or ()
    return LimitRangeMetadata(limits=sorted({limit.type for limit in limits if limit.type}))


LIMIT_RANGE = Kind(
    name="LimitRange",
    group="",
    version="v1",
    plural="limitranges",
    layer="policy",
    column=6,
    short_names=("limits",),
    manifest=LimitRange,
    status=always_ready,
    metadata=_range_metadata,
    shows=LimitRangeMetadata,
    links=_namespace_links,
    makes=((LIMITS, NAMESPACE),),
    optional=True,
    expected=False,
)
