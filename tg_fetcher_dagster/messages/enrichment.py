"""What is worked out from a message's text: links, token estimate, type, language; each can be turned off."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tg_fetcher_dagster.messages.classify import classify
from tg_fetcher_dagster.messages.language import detect_language
from tg_fetcher_dagster.messages.letters import count_letters
from tg_fetcher_dagster.messages.links import links_of
from tg_fetcher_dagster.messages.peers import RawRecord
from tg_fetcher_dagster.messages.schema import Language, MessageType
from tg_fetcher_dagster.messages.tokens import estimate_tokens


class Enriched(NamedTuple):
    """The four keys of a message that Telegram does not send."""

    token_count: int
    normalized_links: list[str]
    message_type: MessageType
    lang: Language


@dataclass(frozen=True, slots=True)
class Enrichment:
    """Which parts are worked out. What is turned off reads 0, [], `other` (`service` stays), `other`."""

    links: bool = True
    tokens: bool = True
    classify: bool = True
    language: bool = True

    def of(self, text: str | None, entities: Sequence[RawRecord], *, service: bool, reply: bool) -> Enriched:
        """Returns the four keys for one text; never raises, whatever the text holds."""
        kind: MessageType = "service" if service else "other"
        if self.classify:
            kind = classify(text, entities, service=service, reply=reply)
        if not text:
            return Enriched(0, [], kind, "other")
        letters = count_letters(text)
        return Enriched(
            estimate_tokens(letters) if self.tokens else 0,
            links_of(text, entities) if self.links else [],
            kind,
            detect_language(text, letters) if self.language else "other",
        )
