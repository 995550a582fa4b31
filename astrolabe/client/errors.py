"""Errors of a client of the stream. A leaf of the package, and part of its public interface."""

from __future__ import annotations

#: The code of errors of a kubeconfig's user, or its credential plugin, that gives no token.
NO_TOKEN = "no-token"


class ClientError(Exception):
    """The client cannot follow this server with this filter, and a retry would not help.

    The message is for people.

    code: for programs. `bad-filter` and the server's other error codes; `unauthorised`: another token is
    needed; `certificate`: no trusted authority signed the server's certificate; `bad-certificate`: it is for
    another host, or has expired; `refused`: a close code after which clients must not reconnect;
    `no-astrolabe`: the peer is not an Astrolabe server; `bad-token`, `no-token`: there is no token to send.
    """

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message)
        self.code = code


class ProtocolError(Exception):
    """The server violated the protocol: a message does not fit the previous ones."""
