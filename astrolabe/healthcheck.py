"""`python -m astrolabe.healthcheck`: whether the Astrolabe of this container is alive, as the image asks.

The exit code is 0 when it is, else 1, with one line on stderr that says why. It runs every few seconds: so it
imports no more than it needs (20 ms of CPU, where `astrolabe` takes 140), and reads the three settings that
matter from the environment itself. What is given as a flag it cannot know.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import closing
from http.client import HTTPConnection, HTTPException, HTTPSConnection

#: Seconds for the connection, and for each part of the answer.
PATIENCE = 2.0

_HERE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}


def ask(environment: Mapping[str, str]) -> str:
    """Why it is not alive; "" when it is."""
    host = environment.get("ASTROLABE_HOST", "")
    port = environment.get("PORT") or "8080"
    tls = bool(environment.get("ASTROLABE_TLS_CERT_FILE"))
    try:
        with closing(_connection(_HERE.get(host, host), int(port), tls=tls)) as connection:
            connection.request("GET", "/livez")
            with connection.getresponse() as response:
                status = response.status
    except (OSError, HTTPException, ValueError) as error:
        return f"/livez at port {port}: {str(error).strip() or type(error).__name__}"
    return "" if status == 200 else f"/livez at port {port}: HTTP {status}"


def _connection(host: str, port: int, *, tls: bool) -> HTTPConnection:
    if not tls:
        return HTTPConnection(host, port, timeout=PATIENCE)
    import ssl

    # The certificate is for the name by which clients know this server, which is not its own address.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return HTTPSConnection(host, port, timeout=PATIENCE, context=context)


if __name__ == "__main__":
    why = ask(os.environ)
    sys.exit(why or None)
