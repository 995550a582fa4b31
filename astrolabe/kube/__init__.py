"""The cluster as the engine hears of it: one list-and-watch loop a kind, over real connections.

Promise, to whoever reads the sink, for each kind (and namespace, when only some are watched):

- `Report(listing)` comes first. Then one `Replace` with the complete list, then an `Update` for what
  changed since, in the order in which the API server told it. Nothing is left out and nothing is told
  twice by intent; after a lost connection the watch goes on where it stopped.
- When the API server no longer knows where that was (410), there is a new `Replace`; the reader
  compares. There is never an empty list in between.
- `Report(unavailable)` when the kind may not be read (403) or does not exist (404), until it can be: a
  `Replace` ends it. A lost connection is no such report: what is known is still served. After ten minutes
  of 404 there is `KindGone`, and what was known of the kind goes; of one that may not be read it stays.
- Requests are GET only. Credentials and manifests never reach a log.

kubernetes_asyncio does configuration, authentication and TLS (`credentials`); its `Watch` and its models
are not used.
"""
