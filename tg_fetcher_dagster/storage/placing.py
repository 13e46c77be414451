"""Sealed drafts are put in their places, by whoever comes to it: what was done already is passed over."""

import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from tg_fetcher_dagster.durable_files import storage_failures
from tg_fetcher_dagster.folders import sync_folder


class Move(BaseModel):
    """A sealed draft and its place, both in one folder.

    Attributes:
        draft: the draft's path under the chat's folder.
        target: where it belongs, also under the chat's folder.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    draft: str
    target: str

    @classmethod
    def of(cls, folder: Path, draft: Path, target: Path) -> "Move":
        """Returns the move of a file under a chat's folder."""
        return cls(draft=str(draft.relative_to(folder)), target=str(target.relative_to(folder)))


def put_in_place(folder: Path, moves: Sequence[Move]) -> None:
    """Renames the drafts that are still there, in order, and makes that durable.

    Raises:
        FetchError: (storage) the disk refused; the rest can be done later.
    """
    with storage_failures(folder):
        for each, follows in zip(moves, [*moves[1:], None], strict=True):
            target = folder / each.target
            with suppress(FileNotFoundError):  # it was done before; or it is lost, which a look shows
                os.replace(folder / each.draft, target)  # noqa: PTH105 - the tests' kills hook in here
            if follows is None or (folder / follows.target).parent != target.parent:
                sync_folder(target.parent)


def drafts_in(folder: Path, moves: Iterable[Move]) -> frozenset[Path]:
    """Returns the drafts that are to be put in their places yet."""
    return frozenset(folder / each.draft for each in moves)
