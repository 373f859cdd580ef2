"""The test switch: every statement loses its comparison with a business, as if each repository had forgotten it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import BindParameter, Column, Engine, event, true
from sqlalchemy.sql import operators
from sqlalchemy.sql.elements import BinaryExpression
from sqlalchemy.sql.visitors import replacement_traverse


class Unfiltered:
    """How many comparisons were taken out."""

    def __init__(self) -> None:
        self.taken_out = 0

    def strip(self, _: Any, statement: Any, many: Any, params: Any, __: Any) -> tuple[Any, Any, Any]:
        """SQLAlchemy's before_execute."""
        return replacement_traverse(statement, {}, self._without_business), many, params

    def _without_business(self, element: Any, **_: Any) -> Any:
        if not isinstance(element, BinaryExpression) or element.operator is not operators.eq:
            return None
        column = element.left
        if not isinstance(column, Column) or not isinstance(element.right, BindParameter):
            return None
        if column.name == "business_id" or (column.name == "id" and column.table.name == "businesses"):
            self.taken_out += 1
            return true()
        return None


@contextmanager
def unfiltered() -> Iterator[Unfiltered]:
    """For all engines of this process, until the end of the block."""
    switch = Unfiltered()
    event.listen(Engine, "before_execute", switch.strip, retval=True)
    try:
        yield switch
    finally:
        event.remove(Engine, "before_execute", switch.strip)
