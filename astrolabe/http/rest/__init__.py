"""The REST API: documents made of the graph at one place in its history, with validators for caches."""
