"""Lists and watches the cluster for the engine: one list-and-watch loop per kind.

Promise to the reader of the sink, for each kind (and each namespace, if only some are watched):

- `WatchStatus(listing)` comes first. Then one `Replace` with the complete list, then `ObjectChanges` in the
  order of the API server. No change is lost, and none is repeated on purpose. After a lost connection, the
  watch continues where it stopped.
- If the API server no longer knows that position (410), another `Replace` follows, which the reader compares.
  There is never an empty list in between.
- `WatchStatus(unavailable)` means that the kind is forbidden (403) or does not exist (404). The next
  `Replace` ends it. A lost connection is not reported this way: the known objects are still served. After ten
  minutes of 404, `KindRemoved` follows and the objects of the kind are removed. A forbidden kind keeps them.
- Kinds come, change and go with the cluster's CustomResourceDefinitions. `KindsChanged` comes before the
  first message of a kind, and after the last one.
- All requests are GET, except for reviews: of our own rights and, with `--auth=kubernetes`, of tokens and
  users' rights. Credentials and manifests never reach a log.

kubernetes_asyncio does configuration, authentication and TLS (see `credentials`). Its `Watch` and its models
are not used.
"""
