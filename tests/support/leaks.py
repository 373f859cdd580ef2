"""Finds in logs what must never be there (G1): by its form, and by what a run is known to have used."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

FORMS: Mapping[str, re.Pattern[str]] = {
    "a JWT": re.compile(r"eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"),
    "an API key": re.compile(r"wi_(?:live|test)_[a-z2-7]{16,}"),
    "a refresh token or secret": re.compile(r"(?<![\w-])(?=[\w-]*[a-z])(?=[\w-]*[A-Z])(?=[\w-]*\d)[\w-]{43}(?![\w-])"),
    "a provider's key": re.compile(r"sk_(?:live|test)_\w{8,}"),
    "a bearer": re.compile(r"[Bb]earer\s+(?!\[)[\w.~+/=-]{8,}"),
    "a private key": re.compile(r"""-----BEGIN [A-Z ]*PRIVATE KEY|["']d["']:\s*["'][\w-]{40,}"""),
    "a one-time code": re.compile(r"""(?i)\b(?:code|otp)\b\W{1,6}(?:is\W{1,3})?\d{6}(?!\d)"""),
    "a password": re.compile(
        r"""(?i)["']?\b\w*(?:password|passwd)["']?\s*[=:]\s*["']?(?!["'\s]|\[hidden\]|\*+|null|None)\S{4,}"""
    ),
    "an address with a password": re.compile(r"\w+://[^\s/:@]*:(?!\*)[^\s/@]+@"),
    "a full phone": re.compile(r"(?<![\w.+-])(?:\+\d{10,15}|234[789]\d{9}|0[789][01]\d{8})(?![\w.-]*\w)"),
    "a full e-mail": re.compile(r"(?<![\w*.+-])[\w.+-]+@[A-Za-z\d-]+(?:\.[A-Za-z\d-]+)*\.[A-Za-z]{2,}\b"),
}
_LEAST = 6
"""A known value shorter than that says nothing."""


@dataclass(frozen=True, slots=True)
class Leak:
    """What was found and where; never the value itself, or the finding would be the next leak."""

    kind: str
    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.kind}"


@dataclass
class Scanner:
    """`known` is what the run used: value -> what it is. Values of digits alone are found where they stand alone."""

    known: Mapping[str, str]
    lines: int = 0
    leaks: list[Leak] = field(default_factory=list)

    def __post_init__(self) -> None:
        values = sorted((value for value in self.known if len(value) >= _LEAST), key=len, reverse=True)
        forms = (rf"(?<![\d.]){value}(?!\d)" if value.isdigit() else re.escape(value) for value in values)
        self._known = re.compile("|".join(forms) or r"(?!)")

    def kinds(self, line: str) -> Iterator[str]:
        """What a line holds that it must not."""
        yield from (kind for kind, form in FORMS.items() if form.search(line))
        yield from (self.known[found[0]] for found in self._known.finditer(line))

    def scan(self, files: Iterable[Path]) -> None:
        """Reads files whole, whatever bytes are in them."""
        for file in files:
            with file.open(errors="replace") as text:
                for number, line in enumerate(text, 1):
                    self.lines += 1
                    self.leaks += [Leak(kind, file.name, number) for kind in dict.fromkeys(self.kinds(line))]
