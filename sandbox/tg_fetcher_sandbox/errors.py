"""What is wrong with a sandbox's input, in one line."""


class SandboxError(Exception):
    """A scenario, a fault rule or a key file that cannot be used.

    The message is one line: what is wrong, where, and what is allowed.
    """

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))
