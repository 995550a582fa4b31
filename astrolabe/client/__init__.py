"""The client of Astrolabe's stream: holds the filtered graph exactly and reports every change.

Promise: `Client.graph` always equals a state that the server's filtered graph has had. The reported changes
lead from each such state to the next. A message that does not fit is never applied. Of Astrolabe
this package imports only the rules by which kubeconfigs are merged.

Public are the names in `__all__`, and `Plan`, `Report`, `Latency` and `run` of `astrolabe.client.load`:

- `Client`, `Filter`, `Update`, `Backoff`, `Token`, `TokenFile`, `KubeconfigToken`: connect and follow.
- `Graph`, `Position`, `Node`, `Edge`, `EdgeKey`, `Change`, `NodeChange`, `EdgeChange`: the graph.
- `ServerState`, `ClusterName`, `MemberState`, `SyncProgress`, `PartialKind`, `UserCoverage`,
  `MemberCoverage`: how complete and how fresh the graph is.
- `ProblemList`, `ReportedProblem`, `Explanation`, `ImpactForecast`, `FoundResources`, `OwnAccess`,
  `NamedUser`: what `Client.problems`, `why`, `impact`, `find` and `whoami` return.
- `ClientError`, `ProtocolError`: what can go wrong.
"""

from astrolabe.client.answers import (
    Explanation,
    FoundResources,
    ImpactForecast,
    NamedUser,
    OwnAccess,
    ProblemList,
)
from astrolabe.client.backoff import Backoff
from astrolabe.client.client import Client, Update
from astrolabe.client.errors import ClientError, ProtocolError
from astrolabe.client.follower import Filter
from astrolabe.client.graph import Change, EdgeChange, Graph, NodeChange
from astrolabe.client.kubeconfig import KubeconfigToken
from astrolabe.client.message import Edge, EdgeKey, Node
from astrolabe.client.progress import Position
from astrolabe.client.reported import ReportedProblem
from astrolabe.client.state import (
    ClusterName,
    MemberCoverage,
    MemberState,
    PartialKind,
    ServerState,
    SyncProgress,
    UserCoverage,
)
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
    "Explanation",
    "Filter",
    "FoundResources",
    "Graph",
    "ImpactForecast",
    "KubeconfigToken",
    "MemberCoverage",
    "MemberState",
    "NamedUser",
    "Node",
    "NodeChange",
    "OwnAccess",
    "PartialKind",
    "Position",
    "ProblemList",
    "ProtocolError",
    "ReportedProblem",
    "ServerState",
    "SyncProgress",
    "Token",
    "TokenFile",
    "Update",
    "UserCoverage",
]
