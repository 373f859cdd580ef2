"""Mutants of the modules in modules.toml: all of them by cosmic-ray's operators, and a seeded sample, evenly spread."""

import ast
import random
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from pathlib import Path

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names
from support.root import ROOT

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Module:
    """A module that is mutated, and the tests that judge its mutants."""

    subject: str
    path: str
    tests: tuple[str, ...]

    @property
    def name(self) -> str:
        """The dotted name, by which tests import it."""
        parts = Path(self.path).with_suffix("").parts
        return ".".join(parts[next(at for at, part in enumerate(parts) if part.startswith("whatsinvoice_")) :])

    @property
    def source(self) -> str:
        return (ROOT / self.path).read_text()


@dataclass(frozen=True)
class Mutant:
    """One change of one module: the operator's nth place in it."""

    module: Module
    operator: str
    occurrence: int
    start: tuple[int, int]

    @property
    def place(self) -> str:
        """The name under which a result is kept; it changes with the module's text."""
        digest = sha256(self.module.source.encode()).hexdigest()[:12]
        return f"{self.module.path}@{digest}:{self.operator}:{self.occurrence}"

    def mutated(self) -> str:
        """Return the module's text with the change."""
        code = mutate_code(self.module.source, get_operator(self.operator)(), self.occurrence)
        if code is None:
            raise ValueError(f"{self.place} is not there")
        return str(code)

    def runs(self) -> bool:
        """Whether the changed text is Python at all: `if not match := …` is not."""
        try:
            ast.parse(self.mutated())
        except SyntaxError:
            return False
        return True

    def change(self) -> tuple[str, str]:
        """Return the lines that differ, before and after."""
        before, after = self.module.source.splitlines(), self.mutated().splitlines()
        head = 0
        while head < min(len(before), len(after)) and before[head] == after[head]:
            head += 1
        tail = 0
        while tail < min(len(before), len(after)) - head and before[-1 - tail] == after[-1 - tail]:
            tail += 1
        cut = [" ".join("\n".join(lines[head : len(lines) - tail]).split()) for lines in (before, after)]
        return cut[0], cut[1]

    def function(self) -> str:
        """Return the qualified name of the function or class in which the change is."""
        return _function_at(ast.parse(self.module.source), self.start[0])


def modules() -> list[Module]:
    """Return the modules of modules.toml."""
    listed = tomllib.loads((HERE / "modules.toml").read_text())["module"]
    return [Module(row["subject"], row["path"], tuple(row["tests"])) for row in listed]


def sample(chosen: Sequence[Module], count: int, seed: int) -> list[Mutant]:
    """Return about `count` mutants in the order of `chosen`: all that a module has, up to an equal share."""
    left, shares = count, dict[Module, list[Mutant]]()
    pools = {module: _shuffled(module, seed) for module in chosen}
    for module in sorted(pools, key=lambda module: len(pools[module])):
        limit = -(-left // (len(pools) - len(shares)))
        shares[module] = list(islice((mutant for mutant in pools[module] if mutant.runs()), limit))
        left -= len(shares[module])
    return [mutant for module in chosen for mutant in shares[module]]


def _shuffled(module: Module, seed: int) -> list[Mutant]:
    """Return all mutants of a module in random order: one of each place before the second of any."""
    rng = random.Random(f"{seed} {module.path}")  # noqa: S311  (a sample, no secret)
    places: dict[tuple[int, int], list[Mutant]] = {}
    for mutant in _mutants(module):
        places.setdefault(mutant.start, []).append(mutant)
    ranked = [(rank, mutant) for group in places.values() for rank, mutant in enumerate(rng.sample(group, len(group)))]
    rng.shuffle(ranked)
    return [mutant for _, mutant in sorted(ranked, key=lambda item: item[0])]


def _mutants(module: Module) -> Iterator[Mutant]:
    nodes, hints = list(ast_nodes(get_ast(module.source))), list(_not_behaviour(module.source))
    lines = module.source.splitlines()
    for name in operator_names():
        if get_operator(name).arguments():
            continue
        operator = get_operator(name)()
        positions = (start for node in nodes for start, _ in operator.mutation_positions(node))
        for occurrence, start in enumerate(positions):
            bare_star = lines[start[0] - 1].startswith("*,", start[1])  # of a signature, which multiplies nothing
            if not bare_star and not any(first <= start < last for first, last in hints):
                yield Mutant(module, name, occurrence, start)


def _not_behaviour(source: str) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Type hints, which do nothing when they run, and how dataclasses are stored: changes there are no mutants."""
    for node in ast.walk(ast.parse(source)):
        calls = [call for call in getattr(node, "decorator_list", []) if isinstance(call, ast.Call)]
        stored = [call for call in calls if ast.unparse(call.func) == "dataclass"]
        for part in (getattr(node, "annotation", None), getattr(node, "returns", None), *stored):
            if isinstance(part, ast.expr):
                end = (part.end_lineno or part.lineno, part.end_col_offset or part.col_offset)
                yield (part.lineno, part.col_offset), end


def _function_at(node: ast.AST, line: int, name: str = "") -> str:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            first = min([child.lineno, *(decorator.lineno for decorator in child.decorator_list)])
            if first <= line <= (child.end_lineno or child.lineno):
                return _function_at(child, line, f"{name}.{child.name}".lstrip("."))
    return name
