from __future__ import annotations

import pytest

from astrolabe.client.address import endpoint, shown


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("localhost:8080", "ws://localhost:8080/api/v1/ws?subscribe=false"),
        ("localhost", "ws://localhost/api/v1/ws?subscribe=false"),
        ("ws://localhost:8080", "ws://localhost:8080/api/v1/ws?subscribe=false"),
        ("http://localhost:8080/", "ws://localhost:8080/api/v1/ws?subscribe=false"),
        ("https://example.com/astrolabe", "wss://example.com/astrolabe/api/v1/ws?subscribe=false"),
        ("wss://example.com/api/v1/ws?namespace=x", "wss://example.com/api/v1/ws?subscribe=false"),
        ("[::1]:8080", "ws://[::1]:8080/api/v1/ws?subscribe=false"),
    ],
)
def test_addresses_of_the_stream(text: str, url: str) -> None:
    assert endpoint(text) == url
    assert endpoint(url) == url


@pytest.mark.parametrize(
    "text", ["", "ftp://x", "ws://", "http://:80", "localhost:0", "localhost:http", "[::1"]
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match="not host:port, ws://host:port or http://host:port"):
        endpoint(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("localhost:8080", "ws://localhost:8080"),
        ("https://me:s3cr3t@example.com/astrolabe", "wss://example.com/astrolabe"),
    ],
)
def test_what_people_are_shown(text: str, expected: str) -> None:
    assert shown(endpoint(text)) == expected
