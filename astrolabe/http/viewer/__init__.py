"""The pages for people: the viewer, the API reference and the guide."""
