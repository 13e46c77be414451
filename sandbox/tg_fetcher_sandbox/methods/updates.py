"""Updates: the sandbox sends none, and says so to whoever asks for what was missed."""

from datetime import UTC, datetime
from typing import Any

from telethon.tl import types
from telethon.tl.types import updates

from tg_fetcher_sandbox.rpc import Answer, Caller, Request
from tg_fetcher_sandbox.viewer import Viewer
from tg_fetcher_sandbox.world import World


def state_now() -> Any:  # noqa: ANN401 - Telethon carries no types
    """Returns a state of updates in which nothing ever happened."""
    return updates.State(pts=1, qts=0, date=datetime.now(UTC), seq=1, unread_count=0)


def get_state(world: World, request: Request, caller: Caller) -> Answer:  # noqa: ARG001
    """updates.getState."""
    Viewer.of(world, caller)
    return state_now()


def get_difference(world: World, request: Request, caller: Caller) -> Answer:  # noqa: ARG001
    """updates.getDifference: nothing was missed."""
    Viewer.of(world, caller)
    return updates.DifferenceEmpty(date=datetime.now(UTC), seq=1)


def get_channel_difference(world: World, request: Request, caller: Caller) -> Answer:
    """updates.getChannelDifference: nothing was missed.

    Raises:
        RpcError: 400 CHANNEL_INVALID or CHANNEL_PRIVATE.
    """
    viewer = Viewer.of(world, caller)
    viewer.channel(request.channel)
    return updates.ChannelDifferenceEmpty(pts=request.pts, final=True)


def update_status(world: World, request: Request, caller: Caller) -> Answer:  # noqa: ARG001
    """account.updateStatus: taken note of."""
    Viewer.of(world, caller)
    return True


def read_history(world: World, request: Request, caller: Caller) -> Answer:  # noqa: ARG001
    """messages.readHistory: nothing counts as unread here."""
    Viewer.of(world, caller)
    return types.messages.AffectedMessages(pts=1, pts_count=0)


def read_channel_history(world: World, request: Request, caller: Caller) -> Answer:
    """channels.readHistory: nothing counts as unread here.

    Raises:
        RpcError: 400 CHANNEL_INVALID or CHANNEL_PRIVATE.
    """
    Viewer.of(world, caller).channel(request.channel)
    return True
