"""The REST API: documents made from the graph at one position in its history, with validators for caches."""
