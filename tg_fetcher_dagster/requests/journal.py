"""What is written down of a claimed command before it is acted on, and how that may change.

A claim is one entry of `tg_commands:processing`. Identical entries may stand there several times, so a
claim is known by an id of its own, made once, and finds its entry by the entry's SHA-1.
"""

from dataclasses import dataclass, field
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.requests.plan import Batch


class ClaimFailure(BaseModel):
    """The first thing that went wrong for good with a claim."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    error_type: ErrorType
    error: str
    retry_count: int = 0

    @classmethod
    def of(cls, error: FetchError, *, retry_count: int = 0) -> Self:
        """Returns an error in the journal's form."""
        return cls(error_type=error.error_type, error=error.message, retry_count=retry_count)


class Claim(BaseModel):
    """One claimed command.

    Attributes:
        claim_id: made once; also the command's id where the producer gave none.
        sha1: of the entry in `processing`.
        claimed_at: unix time.
        batches: the batches that answer it; None until it is planned.
        failure: set as soon as one of them failed for good; the others go on.
        resolve_run: the key of the run that resolves its chat, if one was asked for.
        resolve_attempt: how many resolves failed so far.
        resolve_since: unix time of the last try: only a later failure counts.
        raw: the entry as it was pushed; not part of the journal.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    claim_id: str
    sha1: str
    claimed_at: float
    batches: tuple[str, ...] | None = None
    failure: ClaimFailure | None = None
    resolve_run: str | None = None
    resolve_attempt: int = 0
    resolve_since: float | None = None
    raw: bytes = Field(b"", exclude=True)

    @property
    def asked_at(self) -> float:
        """Since when an answer about its chat is awaited."""
        return self.claimed_at if self.resolve_since is None else self.resolve_since

    def changed(self, **values: object) -> Self:
        """Returns a copy with other values."""
        return self.model_copy(update=values)


@dataclass(slots=True)
class Change:
    """One step of the journal; it happens as a whole, or not at all where something moved meanwhile.

    Attributes:
        claims: claims to write.
        batches: batches to write.
        done: ids of batches that need nobody's attention any more.
        settled: ids of claims to take out of `processing` and the journal.
        dead: dead letters to append.
        delayed: id of a claim or batch -> unix time before which it is left alone.
    """

    claims: list[Claim] = field(default_factory=list)
    batches: list[Batch] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    settled: list[str] = field(default_factory=list)
    dead: list[bytes] = field(default_factory=list)
    delayed: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Held:
    """Everything that is claimed and not settled, as it was at one moment.

    Attributes:
        claims: oldest first.
        batches: by id.
        unreadable: ids of batches that this version cannot read.
        delayed: id -> unix time.
    """

    claims: tuple[Claim, ...]
    batches: dict[str, Batch]
    unreadable: frozenset[str]
    delayed: dict[str, float]
