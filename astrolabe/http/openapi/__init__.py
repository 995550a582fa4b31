"""The description of the API: what every endpoint declares, and the OpenAPI document made from it.

The shapes describe responses for clients. Responses are not made from them, but joined from texts that exist
already. Tests check every response and every message of the stream against the shapes.
"""
