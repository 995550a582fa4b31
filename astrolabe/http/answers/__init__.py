"""Answers about the graph that several front doors give: each is made in one place.

They are JSON objects, or pieces of JSON text, as of one place in history. A door reads the question and sends
the answer.
"""
