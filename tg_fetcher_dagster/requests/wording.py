"""Numbers in lines for people. Pure."""


def counted(count: int, what: str, many: str | None = None) -> str:
    """Returns a number with its noun.

    >>> counted(1, "day"), counted(0, "day"), counted(2, "reply", "replies")
    ('1 day', '0 days', '2 replies')
    """
    return f"{count} {what if count == 1 else many or what + 's'}"
