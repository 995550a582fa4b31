"""Where things run: the nodes of a cluster, and pods put on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from astrolabe.sim.cluster import nodes
from astrolabe.sim.cluster.mint import Mint
from astrolabe.sim.cluster.podstatus import Place

Json = dict[str, Any]


class Site:
    """The nodes, as far as pods are concerned.

    zones: node → zone. places: of each node, without a pod's address. silent: nodes that are not heard of.
    closed: nodes that take no new pods; changeable.
    """

    def __init__(self, mint: Mint, made: Sequence[Json]) -> None:
        self.mint = mint
        self.zones = {
            node["metadata"]["name"]: node["metadata"]["labels"].get("topology.kubernetes.io/zone", "")
            for node in made
        }
        self.places = [
            Place(node["metadata"]["name"], node["status"]["addresses"][0]["address"], "") for node in made
        ]
        self.closed = {node["metadata"]["name"] for node in made if not nodes.is_open(node)}
        self.silent = {node["metadata"]["name"] for node in made if not nodes.is_heard(node)}

    def any(self) -> Place:
        """A random open node (any node when none is), with a new address for one pod."""
        for _ in range(20):
            place = self.mint.rng.choice(self.places)
            if place.node not in self.closed:
                break
        return self.at(place)

    def at(self, place: Place) -> Place:
        """A node, with a new address for one pod."""
        return replace(place, address=self.mint.address())

    def of(self, node: str) -> Place:
        """The node of a name, with a new address for one pod."""
        return self.at(next(place for place in self.places if place.node == node))
