"""Pod templates: what a workload asks for, whether or not it has a pod now.

The edges of a Pod say what is used, those of a workload what is asked for: by a Deployment at zero, a CronJob
between its runs, a workload whose pods cannot be created.
"""

from __future__ import annotations

from collections.abc import Collection
from sys import intern
from typing import Any

from astrolabe.graph.model.links import Ref
from astrolabe.kinds.manifest import Labels, ObjectMeta, Projection
from astrolabe.kinds.pod import PodSpec
from astrolabe.kinds.pod_links import link_template, used_names

#: As what a Service looks for workloads without pods; no kind has a blank in its name.
IDLE_WORKLOAD = "idle workload"


class TemplateMeta(Projection):
    labels: Labels | None = None


class Template(Projection, gc=True, dict=True):
    """A pod template. It remembers its references, from which both metadata and links are made."""

    metadata: TemplateMeta | None = None
    spec: PodSpec | None = None


def pod_labels(template: Template | None, meta: ObjectMeta) -> dict[str, str]:
    """The labels that the pods of a workload get, if it has others itself: which Services mean it is known
    before it has a pod."""
    labels = dict((template.metadata.labels if template is not None and template.metadata else None) or {})
    return {} if labels == (meta.labels or {}) else labels


def idle_labels(template: Template | None, pods: int) -> dict[str, str] | None:
    """The labels that the pods of a workload would get, while it has none; None while it has some.

    A Service whose selector these match would have its pods, and asks the workload why there are none.
    """
    return template.metadata.labels if not pods and template is not None and template.metadata else None


def uses_of(
    template: Template | None,
    meta: ObjectMeta,
    path: str = "spec.template.spec",
    *,
    over: bool = False,
    claimed: Collection[str] = (),
) -> tuple[Ref, ...]:
    """The references of the template of this workload; see `link_template`."""
    if template is None or template.spec is None:
        return ()
    memory = template.__dict__
    found: tuple[Ref, ...] | None = memory.get("uses")
    if found is None:
        found = link_template(template.spec, path, meta.namespace, over=over, claimed=claimed)
        memory["uses"] = found
    return found


def is_topmost(meta: ObjectMeta) -> bool:
    """Whether a ReplicaSet or a Job asks by itself for what its template names.

    Whatever owns it, of a kind that is known or not, decides what is asked for. It is one revision or one run
    of several, and what an old one names may well be gone; what those that are alive use, their Pods tell.
    """
    return not meta.owner_references


def images_of(template: Template | None) -> list[str]:
    """The images of all its containers, each once."""
    spec = template.spec if template is not None else None
    if spec is None:
        return []
    containers = (*(spec.containers or ()), *(spec.init_containers or ()))
    return list(dict.fromkeys([intern(each.image) for each in containers if each.image]))


def describe_template(template: Template | None, uses: tuple[Ref, ...]) -> dict[str, Any]:
    """What every workload shows of its template, as fields of its metadata."""
    spec = template.spec if template is not None else None
    if spec is None:
        return {}
    return {
        "image": spec.containers[0].image if spec.containers else "",
        "images": images_of(template),
        "service_account_name": intern(spec.service_account_name),
        **used_names(uses),
    }
