"""Paystack's published specification, which is not part of this repository, and what an answer says otherwise."""

import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.root import ROOT

_PLACE = Path("shared") / "data" / "specs" / "paystack-openapi.yaml"


def find_spec() -> Path:
    """The file of PAYSTACK_SPEC, or of a folder `shared` beside the repository or further up; else a skip."""
    named = os.environ.get("PAYSTACK_SPEC")
    places = [Path(named)] if named else [folder / _PLACE for folder in ROOT.parents]
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        pytest.skip("Paystack's specification is not here: set PAYSTACK_SPEC to its paystack-openapi.yaml")
    return found


class PaystackSpec:
    def __init__(self, path: Path) -> None:
        self._document: dict[str, Any] = yaml.load(path.read_text(), Loader=yaml.CSafeLoader)
        self._patterns = {
            re.compile(re.sub(r"\{\w+\}", r"[^/]+", path) + r"$"): path
            for path in sorted(self._document["paths"], key=lambda path: path.count("{"))
        }

    def operation(self, method: str, path: str) -> str:
        """`GET /refund/{id}` of a request: a path without a parameter goes before one that has some."""
        template = next(template for pattern, template in self._patterns.items() if pattern.match(path))
        return f"{method} {template}"

    def slips(self, operation: str, status: int, body: Any) -> set[str]:
        """Where the body is not as specified: `operation place problem`, list positions as `[]`."""
        from openapi_schema_validator import OAS30Validator  # noqa: PLC0415  (builds 38 grammars: eight seconds)

        method, template = operation.split(" ")
        answers = self._document["paths"][template][method.lower()]["responses"]
        if str(status) not in answers:
            return {f"{operation} status {status}"}
        schema = self._resolved(self._resolved_one(answers[str(status)])["content"]["application/json"]["schema"])
        return {
            f"{operation} {self._place(error.absolute_path)} {error.validator}"
            for error in OAS30Validator(schema).iter_errors(body)
        }

    @staticmethod
    def _place(path: Any) -> str:
        return ".".join("[]" if isinstance(step, int) else step for step in path) or "."

    def _resolved_one(self, node: Any) -> Any:
        while isinstance(node, dict) and "$ref" in node:
            target: Any = self._document
            for step in node["$ref"].removeprefix("#/").split("/"):
                target = target[step]
            node = target
        return node

    def _resolved(self, node: Any) -> Any:
        node = self._resolved_one(node)
        if isinstance(node, dict):
            return {name: self._resolved(value) for name, value in node.items()}
        return [self._resolved(value) for value in node] if isinstance(node, list) else node
