"""The API, described: what every route declares of itself, and the OpenAPI document that is made of it.

The shapes here are for those who read answers. Answers are joined from texts that exist already, and are
never made of these; the tests hold every answer and every message of the stream to them.
"""
