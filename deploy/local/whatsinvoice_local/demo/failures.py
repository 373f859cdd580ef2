"""What can go wrong in the demonstration, in words."""


class DemoError(RuntimeError):
    """A step did not come true; the message names it."""


class MismatchError(RuntimeError):
    """An answer or a page is not what the step expects."""


def expect(truth: object, otherwise: str) -> None:
    """Raises MismatchError unless the truth holds."""
    if not truth:
        raise MismatchError(otherwise)
