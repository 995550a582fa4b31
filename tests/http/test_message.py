from astrolabe.http.message import Message


def test_each_framing_is_made_once() -> None:
    made: list[str] = []

    def loud(message: Message) -> bytes:
        made.append("loud")
        return message.text.upper().encode()

    def quiet(message: Message) -> bytes:
        made.append("quiet")
        return message.text.encode()

    message = Message("delta", '{"type":"delta"}', "e:1")
    assert message.framed(loud) is message.framed(loud)
    assert message.framed(quiet) == b'{"type":"delta"}'
    assert message.framed(loud) == b'{"TYPE":"DELTA"}'
    assert made == ["loud", "quiet"]
