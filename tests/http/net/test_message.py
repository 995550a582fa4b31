import pytest

from astrolabe.http.net import message
from astrolabe.http.net.message import LongFrame, LongTexts, Message
from astrolabe.http.net.sse import event_chunk, event_text
from astrolabe.http.net.websocket import text_frame
from tests.support.raw import frames


def test_each_frame_is_built_once() -> None:
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


def test_long_texts_are_not_copied_into_frames() -> None:
    texts = LongTexts()
    long = texts.make(['"a":1', ',"b":2'])
    whole = Message("delta", '{"id":"x",', "e:1", long=long, tail="}")
    assert whole.text == '{"id":"x","a":1,"b":2}'
    for framing, bytes_of_it in (
        (text_frame, b'\x81\x16{"id":"x","a":1,"b":2}'),
        (event_text, b'event: delta\nid: e:1\ndata: {"id":"x","a":1,"b":2}\n\n'),
        (event_chunk, b'33\r\nevent: delta\nid: e:1\ndata: {"id":"x","a":1,"b":2}\n\n\r\n'),
    ):
        frame = whole.framed(framing)
        assert isinstance(frame, LongFrame)
        assert (bytes(frame), len(frame)) == (bytes_of_it, len(bytes_of_it))
        assert all(one is other for one, other in zip(frame.chunks[1:-1], long.chunks, strict=True))


def test_frame_headers_encode_short_and_long_lengths() -> None:
    for length in (0, 125, 126, 65_535, 65_536):
        (frame,) = frames(bytes(text_frame(Message("x", "a" * length))))
        assert bytes(frame.data) == b"a" * length


def test_the_number_of_long_texts_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(message, "MOST_LONG", 10)
    texts = LongTexts()
    held = [texts.make(["a" * 6])]
    frame = LongFrame(b"", held[0], b"")
    assert not texts.full
    held.append(texts.make(["b" * 6]))
    assert texts.full
    held.clear()
    assert not texts.full  # the frame holds one of them
    held.append(texts.make(["c" * 6]))
    assert texts.full
    del frame
    assert not texts.full
