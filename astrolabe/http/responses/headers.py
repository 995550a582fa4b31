"""Headers of caches, encodings and positions in history."""

from __future__ import annotations

from astrolabe.graph.state.graph import ServedGraph


def position_headers(graph: ServedGraph) -> dict[str, str]:
    """The headers that name the position in history of an answer."""
    return {"X-Astrolabe-Epoch": graph.epoch, "X-Astrolabe-Seq": str(graph.seq)}


def accepts_gzip(header: str) -> bool:
    """Whether an Accept-Encoding allows gzip (RFC 9110, 12.5.3)."""
    weights: dict[str, str] = {}
    for part in header.lower().split(","):
        coding, _, parameters = part.partition(";")
        weights[coding.strip()] = parameters.replace(" ", "").removeprefix("q=")
    weight = weights.get("gzip", weights.get("*", "0"))
    return weight.strip("0.") != "" or weight == ""


def matches_etag(header: str, etag: str) -> bool:
    """Weak comparison of If-None-Match (RFC 9110, 13.1.2)."""
    tags = [tag.strip().removeprefix("W/") for tag in header.split(",")]
    return "*" in tags or etag.removeprefix("W/") in tags
