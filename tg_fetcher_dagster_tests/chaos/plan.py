"""When a storm pushes what, and which fault comes when: the same for the same seed. Pure."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Fault = Literal[
    "kill daemon",
    "freeze daemon",
    "kill code server",
    "freeze code server",
    "kill run",
    "freeze run",
    "freeze run until it counts as dead",
    "restart Redis",
    "kill Redis",
    "lose Redis' last second",
    "restart Telegram",
]

WEIGHTS: dict[Fault, int] = {
    "kill daemon": 3,
    "freeze daemon": 3,
    "kill code server": 2,
    "freeze code server": 2,
    "kill run": 6,
    "freeze run": 4,
    "restart Redis": 2,
    "kill Redis": 2,
    "restart Telegram": 3,
}
"""How often each comes; the others come as often as a plan says."""

LASTS: dict[Fault, tuple[float, float]] = {
    "kill daemon": (0.5, 4),
    "freeze daemon": (1, 12),
    "kill code server": (0.5, 4),
    "freeze code server": (1, 12),
    "freeze run": (1, 12),
    "freeze run until it counts as dead": (75, 80),
    "restart Redis": (0.2, 3),
    "kill Redis": (0.2, 3),
    "lose Redis' last second": (1, 1),
    "restart Telegram": (0.5, 5),
}
"""Seconds until what was killed is started again, what was frozen goes on, what was noted is lost."""

BURST = 12
"""Commands that are pushed at one moment, at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What happens at a moment.

    Attributes:
        at: seconds since the storm began.
        push: how many of the commands are pushed.
        fault: what goes wrong; None where commands are pushed.
        lasts: seconds until it is mended.
    """

    at: float
    push: int = 0
    fault: Fault | None = None
    lasts: float = 0.0


def plan(seed: int, *, commands: int, seconds: float, faults: int, losses: int, long: int) -> Sequence[Step]:
    """Returns the steps of a storm, in order.

    Args:
        seed: decides.
        commands: pushed in all, in bursts.
        seconds: in which all of it begins.
        faults: any but the two that follow.
        losses: times that Redis loses its last second.
        long: times that a run is frozen until it counts as dead.
    """
    chance = random.Random(seed)
    steps: list[Step] = []
    left = commands
    while left:
        burst = min(left, chance.randint(1, BURST))
        steps.append(Step(at=chance.uniform(0, seconds), push=burst))
        left -= burst
    steps += (_fault(chance, kind, chance.uniform(0, seconds)) for kind in _mixed(chance, faults))
    # Apart from each other: a loss is noticed before the next one comes.
    for number in range(losses):
        at = seconds * (number + chance.uniform(0.3, 0.7)) / losses
        steps.append(_fault(chance, "lose Redis' last second", at))
    for number in range(long):
        at = seconds * (number + chance.uniform(0.2, 0.6)) / long
        steps.append(_fault(chance, "freeze run until it counts as dead", at))
    return sorted(steps, key=lambda step: step.at)


def _mixed(chance: random.Random, count: int) -> list[Fault]:
    """Returns so many faults by their weights: drawn from a bag that is filled again."""
    drawn: list[Fault] = []
    while len(drawn) < count:
        bag = [kind for kind, weight in WEIGHTS.items() for _ in range(weight)]
        chance.shuffle(bag)
        drawn += bag
    return drawn[:count]


def _fault(chance: random.Random, kind: Fault, at: float) -> Step:
    return Step(at=at, fault=kind, lasts=chance.uniform(*LASTS.get(kind, (0, 0))))
