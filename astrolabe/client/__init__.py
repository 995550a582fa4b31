"""The client of Astrolabe's stream: the filtered graph, held exactly, and every change of it.

Promise: `Client.graph` is at every moment one state that the server's filtered graph has been in; the
changes that are told lead from each such state to the next; whatever does not fit is never applied.
Imports nothing else of Astrolabe.
"""

from astrolabe.client.backoff import Backoff
from astrolabe.client.client import Client, Filter, Update
from astrolabe.client.errors import ClientError, ProtocolError
from astrolabe.client.graph import Change, EdgeChange, Graph, NodeChange, Position
from astrolabe.client.message import Edge, EdgeKey, Node
from astrolabe.client.state import ClusterName, PartialKind, ServerState, SyncProgress
from astrolabe.client.token import Token, TokenFile

__all__ = [
    "Backoff",
    "Change",
    "Client",
    "ClientError",
    "ClusterName",
    "Edge",
    "EdgeChange",
    "EdgeKey",
    "Filter",
    "Graph",
    "Node",
    "NodeChange",
    "PartialKind",
    "Position",
    "ProtocolError",
    "ServerState",
    "SyncProgress",
    "Token",
    "TokenFile",
    "Update",
]
