"""`python -m astrolabe.healthcheck`: the image's health check. Is the Astrolabe in this container alive?

Exits 0 if it is; otherwise exits 1 with one line on stderr that says why. It runs every few seconds, so it
imports little (20 ms of CPU; `astrolabe` takes 140) and reads the three relevant settings from the
environment. It does not see flags.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import closing
from http.client import HTTPConnection, HTTPException, HTTPSConnection

#: Seconds to connect, and for each read.
TIMEOUT = 2.0

_HERE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}


def probe(environment: Mapping[str, str]) -> str:
    """Why it is not alive; "" if it is."""
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
        return HTTPConnection(host, port, timeout=TIMEOUT)
    import ssl

    # The certificate names the host that clients use, not this address.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return HTTPSConnection(host, port, timeout=TIMEOUT, context=context)


if __name__ == "__main__":
    why = probe(os.environ)
    sys.exit(why or None)
