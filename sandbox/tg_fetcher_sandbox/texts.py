"""What people write, in Russian and English: texts for generated messages, from one random source.

Enough kinds for whoever reads them (questions, answers, code, logs, links, mentions, odd Unicode) and cheap
enough for hundreds of thousands.
"""

from collections.abc import Sequence
from random import Random
from typing import Literal, TypeVar

from tg_fetcher_sandbox.posts import Entity

T = TypeVar("T")
Tongue = Literal["ru", "en"]
Language = Literal["ru", "en", "mixed"]
RUSSIAN_SHARE = 0.6

SUBJECTS: dict[Tongue, tuple[str, ...]] = {
    "ru": ("asyncio", "миграция базы", "новый релиз", "очередь задач", "тест", "сборка", "докер-образ",
           "вебхук", "кэш", "сессия", "парсер", "планировщик", "бэкап", "реплика", "ORM", "сокет"),
    "en": ("the event loop", "the migration", "the new release", "the task queue", "this test", "the build",
           "the container image", "the webhook", "the cache", "the session", "the parser", "the scheduler",
           "the backup", "the replica", "the ORM", "the socket"),
}  # fmt: skip
STATEMENTS: dict[Tongue, tuple[str, ...]] = {
    "ru": ("Похоже, {0} опять падает после обновления.", "У нас {0} работает уже полгода без проблем.",
           "Сегодня разобрался, почему {0} ест память.", "Мы решили это проще: убрали {0} совсем.",
           "В документации написано, что {0} так не умеет.", "Спасибо, помогло!", "Согласен, так и есть.",
           "Не знаю, не пробовал.", "Завтра проверю и отпишусь.",
           "Лучше сначала измерить, потом трогать {0}.",
           "Ёлки, {0} снова лёг в пятницу вечером 😅", "Это известная ошибка, её уже чинят.",
           "Если коротко: {0} не виноват, виноваты настройки.", "+1", "Вот так и живём."),
    "en": ("Looks like {0} breaks again after the upgrade.",
           "We have run {0} for half a year without trouble.",
           "Found out today why {0} eats memory.", "We solved it the simple way: removed {0}.",
           "The docs say {0} cannot do that.", "Thanks, that helped!", "Agreed.", "No idea, never tried it.",
           "Will check tomorrow and report back.", "Measure first, then touch {0}.",
           "Friday evening and {0} is down again 😅", "A known bug, a fix is on its way.",
           "In short: {0} is fine, the settings are not.", "+1", "That is how we live."),
}  # fmt: skip
QUESTIONS: dict[Tongue, tuple[str, ...]] = {
    "ru": ("Кто-нибудь сталкивался: {0} зависает под нагрузкой?", "Как правильно настроить {0}?",
           "Почему {0} не видит переменные окружения?", "А есть пример, где {0} уже используют?",
           "Подскажите, {0} стоит обновлять сейчас или подождать?"),
    "en": ("Has anybody seen {0} hang under load?", "How do I set up {0} properly?",
           "Why does {0} not see the environment?", "Is there an example that uses {0}?",
           "Should I update {0} now or wait?"),
}  # fmt: skip
NEWS: dict[Tongue, tuple[str, ...]] = {
    "ru": ("Вышла новая версия: {0} теперь вдвое быстрее.", "Разбор: как устроен {0} и где он ломается.",
           "Подборка статей за неделю. Тема: {0}.", "Запись доклада «{0} в продакшене» уже доступна."),
    "en": ("A new version is out: {0} is twice as fast.", "Deep dive: how {0} works and where it breaks.",
           "Reading list of the week. Topic: {0}.", "The talk on {0} in production is online."),
}  # fmt: skip
LINKS = (
    "https://docs.python.org/3/library/asyncio.html?utm_source=chat",
    "https://example.org/articles/42?id=7&utm_campaign=week#top",
    "https://пример.рф/статья",
    "http://[bad-url",
    "t.me/example/15",
)
SNIPPETS = (
    ("python", "async def main():\n    await asyncio.sleep(0)\n    return {'ok': True}"),
    ("bash", "docker compose up -d && docker compose logs -f worker"),
    ("sql", "SELECT id, count(*) FROM messages GROUP BY id HAVING count(*) > 1;"),
    ("", "Traceback (most recent call last):\n  File \"app.py\", line 7, in <module>\nKeyError: 'id'"),
)
ODD = (
    "NUL\x00 inside", "семья 👨\u200d👩\u200d👧\u200d👦 и флаг 🇷🇺",
    "rtl \u202eоборот\u202c", "e\u0301 und ё", "\u2028line\u2029",
    "   ", "\ufeffBOM", "𝕄𝕒𝕥𝕙 𝟙𝟚𝟛", "a\r\nb\tc", "🔥" * 20, "zero\u200bwidth", '"quotes" \\ and {braces}',
)  # fmt: skip


def utf16_length(text: str) -> int:
    """Returns the length in UTF-16 units, in which Telegram counts offsets."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def pick(rng: Random, items: Sequence[T]) -> T:
    """Returns one item (several times faster than `Random.choice`)."""
    return items[int(rng.random() * len(items))]


def tongue(rng: Random, language: Language) -> Tongue:
    """Returns the language of one text."""
    if language == "mixed":
        return "ru" if rng.random() < RUSSIAN_SHARE else "en"
    return language


def headline(rng: Random, language: Language) -> str:
    """Returns a channel's news: two or three sentences."""
    speech = tongue(rng, language)
    lines = [pick(rng, NEWS[speech]).format(pick(rng, SUBJECTS[speech]))]
    lines += [_statement(rng, speech) for _ in range(1 + int(rng.random() * 2))]
    return " ".join(lines)


def remark(rng: Random, language: Language, *, question: bool) -> str:
    """Returns what somebody says in a chat: one to three sentences, or a question."""
    speech = tongue(rng, language)
    if question:
        return pick(rng, QUESTIONS[speech]).format(pick(rng, SUBJECTS[speech]))
    return " ".join(_statement(rng, speech) for _ in range(1 + int(rng.random() * rng.random() * 3)))


def odd_text(rng: Random) -> str:
    """Returns a text that careless readers trip over: NUL, joined emoji, direction marks, blanks."""
    return pick(rng, ODD)


def with_link(rng: Random, text: str) -> tuple[str, tuple[Entity, ...]]:
    """Returns the text with a link after it and the entity that marks it."""
    link = pick(rng, LINKS)
    return f"{text} {link}", (Entity("url", utf16_length(text) + 1, utf16_length(link)),)


def with_code(rng: Random, text: str) -> tuple[str, tuple[Entity, ...]]:
    """Returns the text with a block of code (or a log) after it and the entity that marks it."""
    language, code = pick(rng, SNIPPETS)
    return f"{text}\n{code}", (Entity("pre", utf16_length(text) + 1, utf16_length(code), language),)


def with_mention(text: str, username: str) -> tuple[str, tuple[Entity, ...]]:
    """Returns the text addressed to somebody and the entity that marks the name."""
    return f"@{username} {text}", (Entity("mention", 0, len(username) + 1),)


def _statement(rng: Random, speech: Tongue) -> str:
    return pick(rng, STATEMENTS[speech]).format(pick(rng, SUBJECTS[speech]))
