"""Answers LogQL over lines in memory, as far as the documents use it (grafana.com, "LogQL")."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import orjson

SELECTOR = re.compile(r"\s*\{([^}]*)\}")
MATCHER = re.compile(r'\s*(\w+)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"\s*,?')
LINE_FILTER = re.compile(r'\s*(\|=|!=)\s*"((?:[^"\\]|\\.)*)"')
PARSER = re.compile(r"\s*\|\s*json\b")
LABEL_FILTER = re.compile(r'\s*\|\s*(\w+)\s*(=~|!~|!=|==|>=|<=|=|>|<)\s*(?:"((?:[^"\\]|\\.)*)"|([\d.]+))')
SUMMED = re.compile(r"\s*sum by \(([\w, ]+)\) \(count_over_time\((.*)\[\w+\]\)\)\s*")

Line = tuple[dict[str, str], dict[str, Any]]
"""Labels of a stream, and the object of a line."""


def answer(query: str, lines: Sequence[Line]) -> list[dict[str, Any]]:
    """Returns the lines that a query finds, or the counts of a sum; ValueError where it is no query."""
    summed = SUMMED.fullmatch(query)
    if summed is None:
        return [line for _, line in _found(query, lines)]
    by = [name.strip() for name in summed[1].split(",")]
    counted = Counter(tuple(labels.get(name, "") for name in by) for labels, _ in _found(summed[2], lines))
    return [dict(zip(by, values, strict=True)) | {"count": count} for values, count in counted.items()]


def _found(query: str, lines: Sequence[Line]) -> list[Line]:
    selector = SELECTOR.match(query)
    if selector is None:
        raise ValueError(f"no stream selector: {query}")
    found = [line for line in lines if all(_holds(line[0], each) for each in _matchers(selector[1]))]
    rest = query[selector.end() :]
    while rest.strip():
        for shape, stage in STAGES:
            met = shape.match(rest)
            if met is not None:
                found = stage(met, found)
                rest = rest[met.end() :]
                break
        else:
            raise ValueError(f"not understood: {rest}")
    return found


def _matchers(text: str) -> list[tuple[str, str, str]]:
    found = MATCHER.findall(text)
    if not found or MATCHER.sub("", text).strip():
        raise ValueError(f"no matchers: {text}")
    return found


def _filter_lines(met: re.Match[str], lines: list[Line]) -> list[Line]:
    wanted = met[1] == "|="
    return [line for line in lines if (met[2] in orjson.dumps(line[1]).decode()) is wanted]


def _parse(_: re.Match[str], lines: list[Line]) -> list[Line]:
    """Each value that is no list becomes a label, text as all labels are."""
    return [
        (
            {**{key: _text(value) for key, value in line.items() if not isinstance(value, list)}, **labels},
            line,
        )
        for labels, line in lines
    ]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _filter_labels(met: re.Match[str], lines: list[Line]) -> list[Line]:
    name, sign, text, number = met.groups()
    if number is not None:
        return [
            line for line in lines if name in line[0] and COMPARED[sign](float(line[0][name]), float(number))
        ]
    return [line for line in lines if _holds(line[0], (name, sign, text))]


def _holds(labels: dict[str, str], matcher: tuple[str, str, str]) -> bool:
    name, sign, wanted = matcher
    value = labels.get(name, "")
    met = re.fullmatch(wanted, value) is not None if "~" in sign else value == wanted
    return met is not sign.startswith("!")


COMPARED: dict[str, Callable[[float, float], bool]] = {
    ">": lambda one, other: one > other,
    "<": lambda one, other: one < other,
    ">=": lambda one, other: one >= other,
    "<=": lambda one, other: one <= other,
    "==": lambda one, other: one == other,
}
STAGES = ((LINE_FILTER, _filter_lines), (PARSER, _parse), (LABEL_FILTER, _filter_labels))
