"""Who lives in a sandbox's world: accounts, the people that the scenario names, and made-up ones."""

from dataclasses import dataclass
from random import Random

from tg_fetcher_sandbox.posts import seeded
from tg_fetcher_sandbox.scenario import AccountSpec, Scenario, UserSpec

FIRST_MADE_UP_ID = 700_000_001
FIRST_NAMED_ID = 600_000_001
FIRST_ACCOUNT_ID = 500_000_001
DELETED_EVERY = 23
NAMELESS_EVERY = 3
BOT_NUMBER = 7

FIRST_NAMES = (
    "Анна", "Борис", "Вера", "Глеб", "Дарья", "Егор", "Жанна", "Захар", "Инна", "Кирилл", "Любовь", "Максим",
    "Alice", "Bob", "Carol", "Dan", "Erin", "Frank", "Grace", "Henry", "Iris", "Jack", "Kate", "Leo",
)  # fmt: skip
LAST_NAMES = ("Соколова", "Лебедев", "Зайцева", "Орлов", "Miller", "Stone", "Baker", "Волк 🐺", "O'Neil", "")


@dataclass(frozen=True, slots=True)
class Person:
    """A user of Telegram; one who deleted the account has no name.

    Attributes:
        phone: shown to the user's own account only.
    """

    id: int
    first_name: str | None
    last_name: str | None = None
    username: str | None = None
    phone: str | None = None
    deleted: bool = False
    bot: bool = False

    @property
    def display_name(self) -> str | None:
        """First and last name; None for a deleted account."""
        return " ".join(name for name in (self.first_name, self.last_name) if name) or None


@dataclass(slots=True)
class Account:
    """An account that clients sign in as.

    Attributes:
        code: the login code that is right.
        password: the 2FA password, None where there is none.
        signed_in: whether the sandbox hands out a ready session of it.
        number: its place in the scenario, from 0.
    """

    name: str
    phone: str
    code: str
    password: str | None
    user_id: int
    signed_in: bool
    number: int = 0


class People:
    """Everybody, by id and by the scenario's name."""

    def __init__(self, scenario: Scenario) -> None:
        self.by_id: dict[int, Person] = {}
        self.by_name: dict[str, Person] = {}
        self.accounts: list[Account] = []
        for number, account in enumerate(scenario.accounts):
            self._add(account.name, _account_person(account, FIRST_ACCOUNT_ID + number))
            self.accounts.append(
                Account(
                    name=account.name,
                    phone=account.phone,
                    code=account.code,
                    password=account.password,
                    user_id=FIRST_ACCOUNT_ID + number,
                    signed_in=account.signed_in,
                    number=number,
                )
            )
        for number, (name, user) in enumerate(scenario.users.items()):
            self._add(name, _named_person(name, user, FIRST_NAMED_ID + number))
        self.crowd = tuple(_made_up(scenario.seed, number) for number in range(scenario.people))
        for person in self.crowd:
            self.by_id.setdefault(person.id, person)

    def _add(self, name: str, person: Person) -> None:
        self.by_id[person.id] = person
        self.by_name[name] = person

    def some(self, rng: Random, count: int) -> list[Person]:
        """Returns made-up people; all of them where fewer exist than are wanted."""
        return rng.sample(self.crowd, min(count, len(self.crowd)))


def _account_person(account: AccountSpec, user_id: int) -> Person:
    return Person(
        id=user_id,
        first_name=account.first_name,
        last_name=account.last_name,
        username=account.username,
        phone=account.phone.lstrip("+"),
    )


def _named_person(name: str, user: UserSpec, default_id: int) -> Person:
    if user.deleted:
        return Person(id=user.id or default_id, first_name=None, deleted=True)
    return Person(
        id=user.id or default_id,
        first_name=user.first_name or name.capitalize(),
        last_name=user.last_name,
        username=user.username,
        bot=user.bot,
    )


def _made_up(seed: int, number: int) -> Person:
    user_id = FIRST_MADE_UP_ID + number
    if number % DELETED_EVERY == DELETED_EVERY - 1:
        return Person(id=user_id, first_name=None, deleted=True)
    rng = seeded(f"{seed}:person:{number}")
    return Person(
        id=user_id,
        first_name=rng.choice(FIRST_NAMES),
        last_name=rng.choice(LAST_NAMES) or None,
        username=None if number % NAMELESS_EVERY == 0 else f"sandbox_person_{number}",
        bot=number == BOT_NUMBER,
    )
