"""Sizes that nobody typed: found from the context of a node, upward, downward and sideways.

Every dimension of every matrix is a cell. Operators say which cells are equal (the columns of Z and both
sides of G), and which are a product (Kronecker) or a sum (block diagonal) of others. Equal cells share one
value; known values, from the table, from columns and from typed sizes, spread from there.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, TypeAlias

from covstudio.covariance import Declaration, declaration
from covstudio.document.arguments import document_default
from covstudio.document.document import Document
from covstudio.document.node import Auto, Levels, Node, Rows

FALLBACK = 4
"""The size of a matrix that nothing says anything about: large enough to show its pattern."""

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


@dataclass(frozen=True)
class Sizes:
    """What was found.

    Args:
        origins: (node id, size argument) -> its value and source; every size of every node that has one.
        cells: (node id, axis) -> the size of the matrix along that axis, as far as known.
        guesses: where the context left a size open.
    """

    origins: Mapping[tuple[str, str], SizeOrigin]
    cells: Mapping[Cell, SizeOrigin]
    guesses: tuple[Guess, ...]

    def shape(self, node_id: str) -> tuple[int | None, int | None]:
        """(rows, columns) of a node's matrix, None where it is not known."""
        rows, columns = self.cells.get((node_id, 0)), self.cells.get((node_id, 1))
        return (None if rows is None else rows.value, None if columns is None else columns.value)


def size_arguments(declared: Declaration) -> tuple[str, ...]:
    """Names of the size arguments of a structure: the number of rows, then that of columns if it has two."""
    return tuple(argument.name for argument in declared.arguments if argument.kind == "size")


def infer_sizes(
    document: Document,
    *,
    measure: Callable[[Node], Shape | None],
    levels: Callable[[tuple[str, ...]], int | None],
    rows: int | None,
    roots: Iterable[str] | None = None,
    ghost: str | None = None,
) -> Sizes:
    """Find every size in a document.

    Args:
        document: the document.
        measure: the shape of a leaf without size arguments (labels, coordinates, a literal matrix), or None.
        levels: the number of levels of columns, or None when the table does not have them.
        rows: the number of rows of the table, or None without one.
        roots: which trees; all by default.
        ghost: a node that says nothing, nor does what is below it: its cells tell what its neighbours want
            of it.

    Returns:
        The sizes. Contradictions are not looked for here: constructors find them and say what is wrong.
    """
    search = _Search()
    order = [i for root in (document.roots() if roots is None else roots) for i in document.subtree(root)]
    if ghost is not None:
        silent = set(document.subtree(ghost))
        order = [i for i in order if i not in silent]
    for node_id in order:
        search.constrain(document, document.nodes[node_id])
    if rows is not None and document.v is not None:
        for axis in (0, 1):
            search.put((document.v, axis), SizeOrigin(rows, "the rows of the table", ("rows",)))
    leaves = [document.nodes[i] for i in order if not document.nodes[i].operands]
    open_sizes: list[tuple[Node, tuple[str, ...]]] = []
    own: dict[tuple[str, str], SizeOrigin] = {}
    for node in leaves:
        names = size_arguments(declaration(node.kind))
        if not names:
            search.put_measured(node, measure(node))
        else:
            open_sizes.append((node, names))
    for node, names in open_sizes:
        for axis, name in enumerate(names[:2]):
            found = _own_size(node, name, levels, rows)
            if found is not None:
                own[node.id, name] = found
                # What the siblings are told: "the size of G", not "as set".
                told = (
                    found
                    if found.code
                    else SizeOrigin(found.value, f"the size of {node.name}", (str(found.value),))
                )
                search.put((node.id, axis), told)
                if len(names) == 1:
                    search.put((node.id, 1), told)
    if ghost is None:
        # What neighbours want of a ghost is what they know, not what they would settle for.
        search.guess(document)
        depths = {i: sum(1 for _ in document.ancestors(i)) for i in order}
        for node, names in sorted(open_sizes, key=lambda item: -depths[item[0].id]):
            search.settle(node, names)
    origins = dict(own)
    for node, names in open_sizes:
        for axis, name in enumerate(names[:2]):
            if (node.id, name) not in own:
                origins[node.id, name] = search.value((node.id, axis)) or _FALLBACK_ORIGIN
    cells = {cell: origin for cell in search.parent if (origin := search.value(cell)) is not None}
    return Sizes(origins, cells, tuple(search.guesses))


_FALLBACK_ORIGIN = SizeOrigin(FALLBACK, "until the data or a neighbour says otherwise", (str(FALLBACK),))


def _own_size(
    node: Node, name: str, levels: Callable[[tuple[str, ...]], int | None], rows: int | None
) -> SizeOrigin | None:
    value = node.arguments.get(name, Auto())
    if isinstance(value, Rows):
        return None if rows is None else SizeOrigin(rows, "the rows of the table", ("rows",))
    if isinstance(value, Levels):
        count = levels(value.columns)
        return (
            None
            if count is None
            else SizeOrigin(count, f"the levels of {' x '.join(value.columns)}", (value,))
        )
    if isinstance(value, int):
        return SizeOrigin(value, "as set")
    return None


@dataclass
class _Split:
    """`whole` is the product, or the sum, of `parts`, of which `unknown` have no value yet."""

    node_id: str
    how: Literal["product", "sum"]
    whole: Cell
    parts: tuple[Cell, ...]
    unknown: int


class _Search:
    """Union-find over cells, with one value for each class, and the products and sums that tie classes."""

    def __init__(self) -> None:
        self.parent: dict[Cell, Cell] = {}
        self.values: dict[Cell, SizeOrigin] = {}
        self.splits: list[_Split] = []
        self.touching: dict[Cell, list[tuple[_Split, int]]] = {}
        self.guesses: list[Guess] = []
        self.names: dict[str, str] = {}

    def find(self, cell: Cell) -> Cell:
        root = cell
        while (above := self.parent.setdefault(root, root)) != root:
            root = above
        while self.parent[cell] != root:
            self.parent[cell], cell = root, self.parent[cell]
        return root

    def equal(self, *cells: Cell) -> None:
        first = self.find(cells[0])
        for cell in cells[1:]:
            self.parent[self.find(cell)] = first

    def value(self, cell: Cell) -> SizeOrigin | None:
        return self.values.get(self.find(cell))

    def constrain(self, document: Document, node: Node) -> None:
        """Add what a node says about its cells and those of its operands. Relations come before values."""
        self.names[node.id] = node.name
        out = [(node.id, 0), (node.id, 1)]
        for cell in out:
            self.find(cell)
        if not node.operands:
            if len(size_arguments(declaration(node.kind))) == 1:
                self.equal(*out)
            return
        relation = _RELATIONS.get(node.kind)
        if relation is not None:
            relation(self, document, node)

    def split(self, node: Node, how: Literal["product", "sum"], axis: int, children: Sequence[str]) -> None:
        parts = tuple((child, axis) for child in children)
        self.splits.append(_Split(node.id, how, (node.id, axis), parts, len(parts)))

    def put_measured(self, node: Node, shape: Shape | None) -> None:
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

    def _assign(self, root: Cell, origin: SizeOrigin) -> list[_Split]:
        """Set the value of a class; the splits that have one open cell left, or none but their whole."""
        self.values[root] = origin
        touched = self.touching.get(root, [])
        for split, part in touched:
            split.unknown -= part
        return [split for split, _ in touched if split.unknown < 2]

    def _solve(self, split: _Split) -> list[_Split]:
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
                self.find(split.whole), SizeOrigin(together, f"the size of {name}", code, guessed)
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
            if not any(guess.node_id == split.node_id for guess in self.guesses):
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
                self.put(cell, self.value(other) or _FALLBACK_ORIGIN)


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


# --- what each operator says about sizes ----------------------------------------------------------


def _alike(search: _Search, document: Document, node: Node) -> None:
    for axis in (0, 1):
        search.equal((node.id, axis), *((child, axis) for child in node.children))


def _square(search: _Search, document: Document, node: Node) -> None:
    search.equal((node.id, 0), (node.id, 1), *((child, axis) for child in node.children for axis in (0, 1)))


def _propagation(search: _Search, document: Document, node: Node) -> None:
    search.equal((node.id, 0), (node.id, 1))
    (_, z), (_, g) = node.operands
    if z is not None:
        search.equal((node.id, 0), (z, 0))
    if g is not None:
        search.equal((g, 0), (g, 1))
    if z is not None and g is not None:
        search.equal((z, 1), (g, 0))


def _kronecker(search: _Search, document: Document, node: Node) -> None:
    if len(node.children) == len(node.operands):
        for axis in (0, 1):
            search.split(node, "product", axis, node.children)


def _block(search: _Search, document: Document, node: Node) -> None:
    for axis in (0, 1):
        search.split(node, "sum", axis, node.children)


def _gram(search: _Search, document: Document, node: Node) -> None:
    search.equal((node.id, 0), (node.id, 1))
    declared = declaration(node.kind)
    argument = next(argument for argument in declared.arguments if argument.name == "gram_type")
    gram_type = node.arguments.get("gram_type", document_default(declared, argument))
    for child in node.children:
        search.equal((node.id, 0), (child, 0 if gram_type == "xxt" else 1))


def _chain(search: _Search, document: Document, node: Node) -> None:
    children = node.children
    if not children:
        return
    search.equal((node.id, 0), (children[0], 0))
    search.equal((node.id, 1), (children[-1], 1))
    for left, right in pairwise(children):
        search.equal((left, 1), (right, 0))


def _turned(search: _Search, document: Document, node: Node) -> None:
    for child in node.children:
        search.equal((node.id, 0), (child, 1))
        search.equal((node.id, 1), (child, 0))


def _piled(axis: int) -> Callable[[_Search, Document, Node], None]:
    def relation(search: _Search, document: Document, node: Node) -> None:
        search.split(node, "sum", axis, node.children)
        search.equal((node.id, 1 - axis), *((child, 1 - axis) for child in node.children))

    return relation


_RELATIONS: dict[str, Callable[[_Search, Document, Node], None]] = {
    "Sum": _alike,
    "HadamardProduct": _alike,
    "CovariancePropagation": _propagation,
    "KroneckerProduct": _kronecker,
    "KroneckerSum": _kronecker,
    "BlockDiagonal": _block,
    "Gram": _gram,
    "Product": _chain,
    "Transpose": _turned,
    "Inverse": _square,
    "Scale": _alike,
    "Correlation": _square,
    "Stack": _piled(0),
    "Augment": _piled(1),
}
