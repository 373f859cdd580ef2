"""The words of the grammar: one TOML file per language, all of them read at once, forgiving one wrong letter.

A group is a set of words (`[groups]`), a table gives words a value (`[weekdays]`, `[numbers]`). A new language is a
new file; nothing else changes.
"""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from importlib import resources
from typing import Any

LANGUAGES = ("en", "pcm")
_FUZZY_FROM = 5  # chat rule: a keyword of five letters or more may have one letter wrong
_LONGEST_KEYWORD = 20
_FUZZY_NUMBERS_FROM = 6  # but "light" is not eight, nor "brand" a grand: shorter number words are met too often


class Lexicon:
    def __init__(self, files: list[Mapping[str, Any]]) -> None:
        self._groups: dict[str, frozenset[str]] = {}
        self._tables: dict[str, dict[str, Any]] = {}
        for data in files:
            for name, words in data.get("groups", {}).items():
                self._groups[name] = self._groups.get(name, frozenset()) | frozenset(words)
            for name, table in data.items():
                if name != "groups":
                    self._tables.setdefault(name, {}).update(table)
        self._own = frozenset().union(*self._groups.values(), *self._tables.values())
        self._groups_with = {
            word: [group for group in self._groups if word in self._groups[group]] for word in self._own
        }
        self._near = _neighbours(self._own)
        self._slips = lru_cache(maxsize=8192)(self._keywords_meant)
        self._groups_of = lru_cache(maxsize=8192)(self._groups_meant)

    def words(self, group: str) -> frozenset[str]:
        return self._groups[group]

    def has(self, group: str, word: str) -> bool:
        """Whether `word` (lower case) is in the group, as written or with one letter wrong."""
        return group in self._groups_of(word)

    def has_any(self, groups: Iterable[str], word: str) -> bool:
        return not self._groups_of(word).isdisjoint(groups)

    def has_exactly(self, group: str, word: str) -> bool:
        return word in self._groups[group]

    def value(self, table: str, word: str) -> Any:
        """What the table says of `word`, as written or with one letter wrong; None when it is not in it."""
        values = self._tables[table]
        if word in values:
            return values[word]
        shortest = _FUZZY_NUMBERS_FROM if table in {"numbers", "scales", "digits"} else _FUZZY_FROM
        return next((values[word] for word in self._slips(word) if word in values and len(word) >= shortest), None)

    def _groups_meant(self, word: str) -> frozenset[str]:
        return frozenset(group for meant in {word, *self._slips(word)} for group in self._groups_with.get(meant, ()))

    def _keywords_meant(self, word: str) -> tuple[str, ...]:
        # A word that is itself in the lexicon is never a slip of another one: "change" is not "charge".
        if not _FUZZY_FROM - 1 <= len(word) <= _LONGEST_KEYWORD or word in self._own:
            return ()
        shapes = (word, *_one_letter_less(word))
        near = dict.fromkeys(keyword for shape in shapes for keyword in self._near.get(shape, ()))
        return tuple(keyword for keyword in near if _one_slip_apart(word, keyword))


def _neighbours(words: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Every keyword under its own spelling and each spelling with one letter less."""
    near: dict[str, tuple[str, ...]] = {}
    for word in sorted(words):
        if len(word) >= _FUZZY_FROM and word.isalpha():
            for shape in {word, *_one_letter_less(word)}:
                near[shape] = (*near.get(shape, ()), word)
    return near


def _one_letter_less(word: str) -> Iterator[str]:
    return (word[:at] + word[at + 1 :] for at in range(len(word)))


def _one_slip_apart(typed: str, keyword: str) -> bool:
    """One letter wrong, missing, extra, or two neighbours swapped."""
    if typed == keyword:
        return True
    head = 0
    while head < min(len(typed), len(keyword)) and typed[head] == keyword[head]:
        head += 1
    left, right = typed[head:], keyword[head:]
    if len(typed) == len(keyword):
        swapped = left[:2] == right[1::-1] and left[2:] == right[2:]
        return left[1:] == right[1:] or swapped
    return left[1:] == right or left == right[1:]


def _load() -> Lexicon:
    folder = resources.files(__package__) / "lexicon"
    return Lexicon([tomllib.loads((folder / f"{language}.toml").read_text("utf-8")) for language in LANGUAGES])


LEXICON = _load()
