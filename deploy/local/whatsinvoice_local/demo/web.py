"""HTTP as programs and people use it: answers that must be of one status, and the forms of a page."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin

import httpx

from whatsinvoice_local.demo.failures import MismatchError

_SECONDS = 20.0
_SHOWN = 300
_UNSEEN = re.compile(r"<(style|script)\b.*?</\1>|<[^>]*>", re.DOTALL)


@dataclass
class Form:
    """A form and what it sends when nobody changes it."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)


def client(base_url: str = "") -> httpx.Client:
    """A client that no proxy of the machine stands in the way of, and that follows no redirect by itself."""
    return httpx.Client(base_url=base_url, timeout=_SECONDS, trust_env=False)


def answer(response: httpx.Response, status: int) -> httpx.Response:
    """Gives the response if it has the status, raises MismatchError with its beginning otherwise."""
    if response.status_code != status:
        asked = f"{response.request.method} {response.request.url.path}"
        raise MismatchError(f"{asked} answered {response.status_code}, not {status}: {_shown(response)}")
    return response


def _shown(response: httpx.Response) -> str:
    """The beginning of what it says; of a page only what a reader sees."""
    text = _UNSEEN.sub(" ", response.text) if "html" in response.headers.get("Content-Type", "") else response.text
    return " ".join(text.split())[:_SHOWN]


def json_of(response: httpx.Response, status: int = 200) -> Any:
    return answer(response, status).json()


def form_to(page: httpx.Response, ending: str) -> Form:
    """The first form of the page whose action ends so, its action made absolute.

    Raises:
        MismatchError: there is none.
    """
    reader = _Forms()
    reader.feed(page.text)
    for form in reader.forms:
        if form.action.endswith(ending):
            return Form(urljoin(str(page.url), form.action), form.fields)
    raise MismatchError(f"{page.url} has no form to …{ending}")


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(given.get("action", "")))
        elif tag == "input" and self.forms and "name" in given:
            chosen = given.get("type") != "radio" or "checked" in given
            if chosen:
                self.forms[-1].fields[given["name"]] = given.get("value", "")
