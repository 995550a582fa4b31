"""The search language: a parser makes terms of a text, and each term tells whether it finds a node."""
