"""The GraphQL door: `/graphql`, over HTTP, WebSocket and server-sent events.

graphql-core has the schema, validation and execution. This room makes the schema from the shapes that REST
describes, bounds what a query may cost, and runs queries in slices of time. Subscriptions are those of the
stream; nothing here knows a rule about the graph.
"""
