"""The search for sizes: dimensions are cells, equal ones form classes, products and sums tie the classes."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from covstudio.covariance import Declaration, declaration
from covstudio.document.model.document import Document
from covstudio.document.model.node import Levels, Node

#: The size of a matrix that nothing says anything about: large enough to show its pattern.
FALLBACK = 4

Shape: TypeAlias = tuple[int, int]
Cell: TypeAlias = tuple[str, int]


@dataclass(frozen=True)
class Side:
    """The size of a node's matrix along an axis, as a part of `SizeOrigin.code`."""

    node_id: str
    axis: int


@dataclass(frozen=True)
class SizeOrigin:
    """A size and where it comes from.

    Args:
        value: the size.
        why: its source in words, e.g. "the columns of genotype design".
        code: how to find it again from the table, as pieces of Python between which `Side` stands for a
            size, "rows" for the number of rows and `Levels` for a number of levels.
        guessed: True when the context leaves it open and this is one of several sizes that fit.

    Example:
        >>> SizeOrigin(72, "the rows of the table", ("rows",)).text
        '72, the rows of the table'
    """

    value: int
    why: str
    code: tuple[str | Side | Levels, ...] = ()
    guessed: bool = False

    @property
    def text(self) -> str:
        """The size and its source in one line."""
        return f"{self.value}, {self.why}"


@dataclass(frozen=True)
class Guess:
    """Sizes that were chosen for want of a reason, below an operator that splits its own."""

    node_id: str
    message: str


FALLBACK_ORIGIN = SizeOrigin(FALLBACK, "until the data or a neighbour says otherwise", (str(FALLBACK),))


def size_arguments(declared: Declaration) -> tuple[str, ...]:
    """Names of the size arguments of a structure: the number of rows, then that of columns if it has two."""
    return tuple(argument.name for argument in declared.arguments if argument.kind == "size")


@dataclass
class Split:
    """A size that is the product, or the sum, of others.

    `whole` is that of `parts`, of which `unknown` have no value yet; `why` is said of it in place of "the
    size of" its node.
    """

    node_id: str
    how: Literal["product", "sum"]
    whole: Cell
    parts: tuple[Cell, ...]
    unknown: int
    why: str = ""


class Search:
    """Union-find over cells, with one value for each class, and the products and sums that tie classes."""

    def __init__(self) -> None:
        self.parent: dict[Cell, Cell] = {}
        self.values: dict[Cell, SizeOrigin] = {}
        self.splits: list[Split] = []
        self.touching: dict[Cell, list[tuple[Split, int]]] = {}
        self.guesses: list[Guess] = []
        self.names: dict[str, str] = {}
        self.constants: dict[Cell, SizeOrigin] = {}
        self.least: dict[Cell, SizeOrigin] = {}
        self.smallest: dict[Cell, SizeOrigin] | None = None  # the largest of these for each class

    def find(self, cell: Cell) -> Cell:
        """The cell that stands for the class of a cell."""
        root = cell
        while (above := self.parent.setdefault(root, root)) != root:
            root = above
        while self.parent[cell] != root:
            self.parent[cell], cell = root, self.parent[cell]
        return root

    def equal(self, *cells: Cell) -> None:
        """Say that cells are equal."""
        if not cells:
            return
        first = self.find(cells[0])
        for cell in cells[1:]:
            self.parent[self.find(cell)] = first

    def value(self, cell: Cell) -> SizeOrigin | None:
        """The size of a cell and its origin, or None while it is open."""
        return self.values.get(self.find(cell))

    def add(self, node: Node) -> None:
        """Make the cells of a node; all of them, and their relations, come before any value."""
        self.names[node.id] = node.name
        rows, columns = (node.id, 0), (node.id, 1)
        self.find(rows)
        self.find(columns)
        if not node.operands and len(size_arguments(declaration(node.kind))) == 1:
            self.equal(rows, columns)

    def split(
        self,
        node: Node,
        how: Literal["product", "sum"],
        whole: Cell,
        parts: Sequence[Cell],
        number: int = 0,
        what: str = "",
    ) -> None:
        """Say that a cell is the product, or the sum, of others, and of a number that `what` counts."""
        if not number:
            self.splits.append(Split(node.id, how, whole, tuple(parts), len(parts)))
            return
        extra = (node.id, 2)
        self.find(extra)
        why = f"the size of {node.name} and its {number} {what}"
        self.splits.append(Split(node.id, how, whole, (*parts, extra), len(parts) + 1, why))
        self.constants[extra] = SizeOrigin(number, what, (str(number),))

    def products(self) -> dict[Cell, list[tuple[Cell, ...]]]:
        """The classes that are products, each with the classes it is the product of, in their order."""
        found: dict[Cell, list[tuple[Cell, ...]]] = {}
        for split in self.splits:
            if split.how == "product":
                found.setdefault(self.find(split.whole), []).append(tuple(map(self.find, split.parts)))
        return found

    def at_least(self, cell: Cell, origin: SizeOrigin) -> None:
        """What a class gets in place of the fallback when nothing else says its size."""
        if origin.value > FALLBACK:
            self.least[cell] = origin

    def put_constants(self) -> None:
        """Give the numbers that are arguments of operators their values: after all relations are told."""
        for cell, origin in self.constants.items():
            self.put(cell, origin)

    def put_measured(self, node: Node, shape: Shape | None) -> None:
        """Give the cells of a node the shape that its labels or numbers have."""
        if shape is None:
            return
        square = shape[0] == shape[1]
        for axis, side in enumerate(("rows", "columns")):
            why = f"the size of {node.name}" if square else f"the {side} of {node.name}"
            self.put((node.id, axis), SizeOrigin(shape[axis], why, (Side(node.id, axis),)))

    def put(self, cell: Cell, origin: SizeOrigin) -> None:
        """Give a class its value, unless it has one, and follow what comes from it."""
        if not self.touching:
            for split in self.splits:
                self.touching.setdefault(self.find(split.whole), []).append((split, 0))
                for part in split.parts:
                    self.touching.setdefault(self.find(part), []).append((split, 1))
        root = self.find(cell)
        if root in self.values:
            return
        waiting = deque(self._assign(root, origin))
        while waiting:
            waiting.extend(self._solve(waiting.popleft()))

    def _assign(self, root: Cell, origin: SizeOrigin) -> list[Split]:
        """Set the value of a class; the splits that have one open cell left, or none but their whole."""
        self.values[root] = origin
        touched = self.touching.get(root, [])
        for split, part in touched:
            split.unknown -= part
        return [split for split, _ in touched if split.unknown < 2]

    def _solve(self, split: Split) -> list[Split]:
        """Find the one cell of a split that is open; the splits that can be solved with it."""
        whole = self.value(split.whole)
        if (whole is None) == (split.unknown == 1):
            return []
        name = self.names[split.node_id]
        known = [origin for part in split.parts if (origin := self.value(part)) is not None]
        sizes = [origin.value for origin in known]
        together = math.prod(sizes) if split.how == "product" else sum(sizes)
        guessed = any(origin.guessed for origin in known)
        if whole is None:
            code = _joined([origin.code for origin in known], " * " if split.how == "product" else " + ")
            return self._assign(
                self.find(split.whole),
                SizeOrigin(together, split.why or f"the size of {name}", code, guessed),
            )
        if split.unknown == 0:
            return []
        if split.how == "product":
            value, odd = divmod(whole.value, together)
            sign, shown = " // ", "÷"
        else:
            value, odd = whole.value - together, 0
            sign, shown = " - ", "−"
        if odd or value < 1:
            return []
        rest = "its neighbour leaves" if len(known) == 1 else "its neighbours leave"
        why = f"{whole.value} {shown} {together}, what {rest} of {name}"
        code = _joined([whole.code, *(origin.code for origin in known)], sign)
        cell = next(root for part in split.parts if (root := self.find(part)) not in self.values)
        return self._assign(cell, SizeOrigin(value, why, code, guessed or whole.guessed))

    def guess(self, document: Document) -> None:
        """Divide a known size among operands that say nothing about theirs, and say so."""
        said: set[str] = set()
        for split in self.splits:
            whole = self.value(split.whole)
            unknown = list(dict.fromkeys(self.find(part) for part in split.parts if self.value(part) is None))
            if whole is None or len(unknown) < 2 or not all(_follows(document, part) for part in split.parts):
                continue
            known = [origin.value for part in split.parts if (origin := self.value(part)) is not None]
            if split.how == "product":
                rest, odd = divmod(whole.value, math.prod(known))
            else:
                rest, odd = whole.value - sum(known), 0
            if odd or rest < len(unknown):
                continue
            name = self.names[split.node_id]
            for position, cell in enumerate(unknown[:-1]):
                left = len(unknown) - position
                share = _divisor(rest, left) if split.how == "product" else rest // left
                rest = rest // share if split.how == "product" else rest - share
                why = f"a guess: the {whole.value} of {name} can be split in several ways"
                self.put(cell, SizeOrigin(share, why, (str(share),), guessed=True))
            shares = [origin.value for part in split.parts if (origin := self.value(part)) is not None]
            sign = " × " if split.how == "product" else " + "
            if split.node_id not in said:
                said.add(split.node_id)
                self.guesses.append(
                    Guess(
                        split.node_id,
                        f"{whole.value} = {sign.join(map(str, shares))} is a guess. Set the size of one "
                        "operand, for instance to the levels of a column.",
                    )
                )

    def settle(self, node: Node, names: tuple[str, ...]) -> None:
        """Give a leaf that is still open the size of its other side, or the fallback."""
        cells = [(node.id, axis) for axis in range(min(2, len(names)))]
        for cell, other in zip(cells, reversed(cells), strict=True):
            if self.value(cell) is None:
                self.put(cell, self.value(other) or self._fallback(cell))

    def _fallback(self, cell: Cell) -> SizeOrigin:
        if self.smallest is None:
            self.smallest = {}
            for other, origin in self.least.items():
                known = self.smallest.setdefault(self.find(other), origin)
                if origin.value > known.value:
                    self.smallest[self.find(other)] = origin
        return self.smallest.get(self.find(cell), FALLBACK_ORIGIN)


def _follows(document: Document, cell: Cell) -> bool:
    """Whether the size of a leaf is left to the context (an operator's is never typed)."""
    node = document.nodes[cell[0]]
    names = size_arguments(declaration(node.kind))
    return bool(node.operands) or bool(names)


def _divisor(number: int, parts: int) -> int:
    """The divisor of `number` nearest below its root of that order, so that the parts come out alike."""
    root = round(number ** (1 / parts))
    return next(k for k in range(max(root, 1), 0, -1) if number % k == 0)


def _joined(codes: Sequence[tuple[str | Side | Levels, ...]], sign: str) -> tuple[str | Side | Levels, ...]:
    joined: list[str | Side | Levels] = []
    for position, code in enumerate(codes):
        if position:
            joined.append(sign)
        joined.extend(code if len(code) == 1 else ("(", *code, ")"))
    return tuple(joined)
