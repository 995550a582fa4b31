"""What can go wrong for a client of the stream."""

from __future__ import annotations


class ClientError(Exception):
    """Following this server with this filter cannot work; the message is for people.

    code: one word for programs: `bad-filter` and what else the server answers with, `unauthorised` when it
    asks for another token, `certificate` for one that nobody who is trusted has signed, `bad-certificate` for
    one of another host or that has expired, `refused` for a close code that asks not to come back,
    `no-astrolabe` for a peer that is something else.
    """

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message)
        self.code = code


class ProtocolError(Exception):
    """The server breaks the contract of the stream: what it sends does not fit what came before."""
