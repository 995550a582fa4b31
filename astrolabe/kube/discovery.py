"""What an API server says of itself: its version, and which resources it serves."""

from __future__ import annotations

import msgspec

from astrolabe.kube.client import VERIFY_TIMEOUT, Cluster
from astrolabe.kube.errors import UNDECODABLE, ApiError, RequestFailed


class _Version(msgspec.Struct):
    """apimachinery's version.Info."""

    git_version: str = msgspec.field(name="gitVersion")


class _Resource(msgspec.Struct):
    name: str


class _Resources(msgspec.Struct):
    """metav1.APIResourceList."""

    resources: list[_Resource]


async def version_of(cluster: Cluster) -> str:
    """`v1.33.1`; "" when it does not say."""
    try:
        body = await cluster.read("/version", {}, read_timeout=VERIFY_TIMEOUT)
        return msgspec.json.decode(body, type=_Version).git_version
    except (RequestFailed, *UNDECODABLE):
        return ""


async def served(cluster: Cluster, api_version: str) -> frozenset[str] | None:
    """The plurals of what it serves of a group and version (`v1`, `apps/v1`); None when it does not say."""
    root = "/apis" if "/" in api_version else "/api"
    try:
        body = await cluster.read(f"{root}/{api_version}", {}, read_timeout=VERIFY_TIMEOUT)
        return frozenset(each.name for each in msgspec.json.decode(body, type=_Resources).resources)
    except ApiError as error:
        return frozenset() if error.code == 404 else None
    except (RequestFailed, *UNDECODABLE):
        return None
