"""Responses that many requests share: made once, compressed once, sent without a copy."""
