"""The faster reader makes of the same bytes what Telethon's own makes of them."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telethon import TelegramClient
from telethon.errors import TypeNotFoundError
from telethon.extensions import BinaryReader
from telethon.network import mtprotosender
from telethon.sessions import StringSession
from telethon.tl.tlobject import TLObject

from tg_fetcher_dagster.telegram.fast_reader import FastReader, read_answers_fast
from tg_fetcher_dagster_tests.sandbox.worlds import EVERY_KIND


@given(
    st.lists(st.one_of(st.binary(max_size=600), st.text(max_size=300)), max_size=6),
    st.lists(st.integers(-(2**31), 2**31 - 1), max_size=4),
    st.lists(st.integers(-(2**63), 2**63 - 1), max_size=4),
)
def test_strings_and_numbers_read_the_same(
    strings: list[bytes | str], ints: list[int], longs: list[int]
) -> None:
    data = b"".join(TLObject.serialize_bytes(each) for each in strings)
    data += b"".join(each.to_bytes(4, "little", signed=True) for each in ints)
    data += b"".join(each.to_bytes(8, "little", signed=True) for each in longs)
    ours, theirs = FastReader(data), BinaryReader(data)

    for _ in strings:
        assert ours.tgread_bytes() == theirs.tgread_bytes()
    for _ in ints:
        assert ours.read_int() == theirs.read_int()
    for _ in longs:
        assert ours.read_long(signed=False) == theirs.read_long(signed=False)

    assert ours.position == theirs.position == len(data)


@pytest.mark.parametrize("cut", [1, 4, 7, 300])
def test_data_that_ends_too_early_fails_and_is_never_a_shorter_string(cut: int) -> None:
    data = TLObject.serialize_bytes(b"x" * 400)

    with pytest.raises((BufferError, IndexError)):
        FastReader(data[:cut]).tgread_bytes()


def test_a_constructor_of_a_newer_layer_is_told_as_telethon_tells_it() -> None:
    with pytest.raises(TypeNotFoundError):
        FastReader(b"\x01\x02\x03\x04" * 4).tgread_object()


def _shown(made: Any) -> Any:
    """An object's whole content, whichever of Telethon's kinds of object it is."""
    if isinstance(made, list):
        return [_shown(each) for each in made]
    if isinstance(made, TLObject):
        try:
            return made.to_dict()
        except NotImplementedError:
            return {name: _shown(value) for name, value in vars(made).items()}
    return {name: _shown(value) for name, value in vars(made).items()} if hasattr(made, "__dict__") else made


async def test_every_answer_about_every_kind_of_chat_reads_the_same(
    telegram_sandbox: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    differing: list[str] = []
    compared = 0

    class BothReaders(FastReader):
        def tgread_object(self) -> Any:
            nonlocal compared
            at = self.position
            theirs = BinaryReader(self.stream)
            theirs.set_position(at)
            theirs_made = theirs.tgread_object()
            made = FastReader(self.stream)
            made.position = at
            ours_made = FastReader.tgread_object(made)
            self.position = made.position
            compared += 1
            if _shown(ours_made) != _shown(theirs_made) or made.position != theirs.tell_position():
                differing.append(type(ours_made).__name__)
            return ours_made

    read_answers_fast()
    assert mtprotosender.BinaryReader is FastReader
    monkeypatch.setattr(mtprotosender, "BinaryReader", BothReaders)
    telegram = telegram_sandbox(EVERY_KIND)
    async with TelegramClient(StringSession(telegram.session), 1, "0" * 32, receive_updates=False) as client:
        for name in ("Sandbox_News", "busy_group", "quiet_group"):
            async for _ in client.iter_messages(name, wait_time=0):
                pass
        async for _ in client.iter_dialogs():
            pass

    assert compared > 10
    assert not differing
