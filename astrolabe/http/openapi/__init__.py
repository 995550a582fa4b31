"""The description of the API: what every endpoint declares, and the OpenAPI document that is made of it.

The shapes describe responses for clients. Responses are never made from them: they are joined from texts that
exist already. Tests check every response and every message of the stream against the shapes.
"""
