"""Levels that structures of positions in order run over: their gaps filled, their order put right, or told.

An autoregression over days 1 to 6 and 10 has ten positions. Whether the columns of a design are the positions
of such a structure follows from the relations that operators declare between sizes: the columns of Z are the
rows of G, and those of a Kronecker product its factors', one for each factor of the design. An antedependence
takes levels at any distances, but in the order of their numbers or dates.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from covstudio.covariance import declaration
from covstudio.covariance.structures.design.positions import (
    Grid,
    UnevenLevels,
    grid_of,
    in_order,
    shown_levels,
)
from covstudio.data.errors import TableError
from covstudio.data.ordering import sorted_labels
from covstudio.document.build.constructors import fills_gaps, splatted
from covstudio.document.build.table_facts import TableFacts
from covstudio.document.model.document import Document
from covstudio.document.model.node import ArgumentValue, Columns, FrozenMap, Levels, Node, Values
from covstudio.document.sizes.directions import Directions
from covstudio.document.sizes.relations import relate
from covstudio.document.sizes.search import Cell, Search

__all__ = ["Spaced", "spaced"]

_NEIGHBOURS = "tick “Levels are neighbours” in the design"
#: So many levels have no order: the same correlation either way.
_SYMMETRIC = 2
_TIMES = "take a structure of times or coordinates (Time series, Distance), which takes any distances"


@dataclass(frozen=True)
class Spaced:
    """A document whose positions are in order, and equally spaced where they are to be.

    Attributes:
        document: with the gaps filled and levels in order; the same object where there is nothing to do.
        notes: what was filled, and in what order levels are taken.
        doubts: node id, argument and a sentence, where a person has to choose.
    """

    document: Document
    notes: tuple[str, ...] = ()
    doubts: tuple[tuple[str, str | None, str], ...] = ()


def spaced(document: Document, facts: TableFacts, any_table: bool = False) -> Spaced:
    """Put levels that positions run over in order, and fill the gaps of those at equal steps.

    Args:
        document: the model.
        facts: about the rows that it uses.
        any_table: of other tables too: designs are told which of their factors to fill or to put in order
            even where this table needs neither, as a program that is run with other tables does.

    Returns:
        The document with these levels put right, what is to be said of it, and what is to be asked.
    """
    leaves = {i: name for i, node in document.nodes.items() if (name := _counted(node)) is not None}
    return _Spacing(document, facts, leaves, any_table).found() if leaves else Spaced(document)


def _counted(node: Node) -> str | None:
    """The size argument of a node that counts positions in order, or None."""
    arguments = declaration(node.kind).arguments
    return next((one.name for one in arguments if one.evenly_spaced or one.ordered), None)


def _evenly(node: Node) -> bool:
    """Whether positions of a node stand at equal steps."""
    return any(argument.evenly_spaced for argument in declaration(node.kind).arguments)


@dataclass(frozen=True)
class _Factor:
    """A factor of a design.

    Attributes:
        name: what it is called.
        grid: its positions, None where its levels are neither numbers nor dates.
        levels: its levels in the order of the columns.
        chosen: whether somebody has said that order.
    """

    name: str
    grid: Callable[[], Grid | None]
    levels: Callable[[], tuple[str, ...]]
    chosen: bool = False

    def told(self) -> bool:
        """Whether the order of its levels has to be put right, or told."""
        try:
            levels = self.levels()
        except TableError:
            return False
        order = in_order(levels)
        return len(levels) > _SYMMETRIC if order is None else not _along(levels, order)


class _Spacing:
    def __init__(
        self, document: Document, facts: TableFacts, leaves: dict[str, str], any_table: bool
    ) -> None:
        self.document, self.facts, self.leaves, self.any_table = document, facts, leaves, any_table
        self.nodes = dict(document.nodes)
        #: The nodes whose positions stand at equal steps; of the others only the order counts.
        self.evenly = frozenset(leaf for leaf in leaves if _evenly(document.nodes[leaf]))
        self.notes: dict[str, None] = {}
        self.doubts: list[tuple[str, str | None, str]] = []
        self.search = Search()

    def found(self) -> Spaced:
        if not (self.any_table or self._any_gap()):
            return Spaced(self.document)
        for node in self.document.nodes.values():
            self.search.add(node)
            relate(self.search, node)
        self.directions = Directions(self.search)
        self.places = {leaf: place for place, leaf in enumerate(self.leaves)}
        self.counting: dict[Cell, list[str]] = {}  # the leaves that count a class of cells
        for leaf in self.leaves:
            self.counting.setdefault(self.search.find((leaf, 0)), []).append(leaf)
        placed: set[str] = set()
        for node in self.document.nodes.values():
            factors = self._factors(node)
            told: dict[str, set[int]] = {"evenly_spaced": set(), "ordered": set()}
            for k, factor in enumerate(factors):
                series = self._series(node, k, len(factors))
                if self.evenly.intersection(series):
                    if self._fill(node, k, factor, series):
                        told["evenly_spaced"].add(k)
                elif series and self._sort(node, k, factor, series):
                    told["ordered"].add(k)
                placed.update(series)
            for argument, places in told.items():
                if places:
                    chosen = node.arguments.get(argument)
                    if isinstance(chosen, tuple):
                        places.update(k for k in chosen if isinstance(k, int))
                    self._change(node.id, argument, tuple(sorted(places)))
        for leaf in self.leaves.keys() - placed:
            self._doubt_size(self.document.nodes[leaf])
        if not (self.notes or self.doubts) and self.nodes == dict(self.document.nodes):
            return Spaced(self.document)
        document = replace(self.document, nodes=FrozenMap(self.nodes))
        return Spaced(document, tuple(self.notes), tuple(self.doubts))

    def _any_gap(self) -> bool:
        """Whether there are gaps at all, which a wire that is dragged asks at every step."""
        factors = [factor for node in self.document.nodes.values() for factor in self._factors(node)]
        if any(factor.told() for factor in factors):
            return True
        asked = [factor.grid for factor in factors]
        if self.facts.table is not None:
            for leaf, argument in self.leaves.items():
                value = self.document.nodes[leaf].arguments.get(argument)
                if isinstance(value, Levels) and leaf in self.evenly:
                    asked += [partial(self.facts.grid, name) for name in value.columns]
        return any(_has_gap(grid) for grid in asked) or any(map(self._unordered, self.leaves))

    def _unordered(self, leaf: str) -> bool:
        """Whether positions that are the rows of the table stand in another order than their levels."""
        value = self.document.nodes[leaf].arguments.get(self.leaves[leaf])
        if not isinstance(value, Levels) or len(value.columns) != 1 or self.facts.table is None:
            return False
        (name,) = value.columns
        try:
            if self.facts.count(value.columns) != self.facts.rows:
                return False
            order = in_order(self.facts.levels(name))
        except TableError:
            return False
        return order is not None and not _along(tuple(self.facts.labels(name)), order)

    def _change(self, node_id: str, argument: str, value: ArgumentValue) -> None:
        node = self.nodes[node_id]
        self.nodes[node_id] = replace(node, arguments={**node.arguments, argument: value})

    def _factors(self, node: Node) -> list[_Factor]:
        """The factors of a design; none while they cannot be had."""
        declared = declaration(node.kind)
        if not fills_gaps(declared) or node.arguments.get("drop_first"):
            return []
        value = next((node.arguments.get(name) for name in splatted(declared)), None)
        if isinstance(value, Values):
            labels = [sorted_labels(str(label) for label in column) for column in value.columns]
            return [_Factor(node.name, partial(grid_of, one), partial(tuple, one)) for one in labels]
        if not isinstance(value, Columns) or self.facts.table is None:
            return []
        return [
            _Factor(
                name,
                partial(self.facts.grid, name),
                partial(self.facts.levels, name),
                bool(self.facts.chosen(name)),
            )
            for name in value.names
        ]

    def _series(self, node: Node, k: int, count: int) -> list[str]:
        """The structures of positions in order that factor k of a design runs along."""
        along = self.directions.of_factor((node.id, 1), k, count)
        found = {leaf for cell in along for leaf in self.counting.get(cell, ())}
        return sorted(found, key=self.places.__getitem__)

    def _fill(self, node: Node, k: int, factor: _Factor, series: list[str]) -> bool:
        """Whether factor k is to be filled; what its series are told, and what is said."""
        name = factor.name
        chosen = node.arguments.get("evenly_spaced")
        if node.arguments.get("close_gaps"):
            self._say_neighbours(factor, series)
            return False
        if isinstance(chosen, tuple) and k not in chosen:
            return False
        try:
            grid, levels = factor.grid(), factor.levels()
        except TableError:
            return False
        except UnevenLevels as error:
            message = f"{self._names(series)}: {error}. Choose: {_TIMES}; or {_NEIGHBOURS}."
            self.doubts.append((node.id, "close_gaps", message))
            # It has been told here, and is not to be told again.
            self._change(node.id, "close_gaps", True)
            return False
        if grid is None:
            if not factor.chosen:
                self._say_order(factor, levels, series)
            return False
        ordered = _along(levels, grid.levels)
        if not (grid.added or self.any_table) and ordered:
            return False
        count = len(grid.levels) - len(grid.added)
        if factor.chosen and not ordered:
            if not grid.added:
                self._say_order(factor, levels, series)
                self._change(node.id, "close_gaps", True)
            else:
                told = (
                    f"The order that is said for the levels of {name} is another than theirs. "
                    f"Choose: {_NEIGHBOURS}, which takes them in the order said; or take that order back."
                )
                self.doubts.append((node.id, "close_gaps", self._gap(name, count, grid) + told))
                self._change(node.id, "close_gaps", True)
            return False
        if not grid.added:
            for leaf in series:
                if self.nodes[leaf].arguments.get(self.leaves[leaf]) == Levels((name,)):
                    self._change(leaf, self.leaves[leaf], Levels((name,), filled=True))
            return True
        for leaf in series:
            argument = self.leaves[leaf]
            value = self.nodes[leaf].arguments.get(argument)
            if value == count:
                self.doubts.append((leaf, argument, self._gap(name, count, grid) + _set_size(grid)))
                self._change(node.id, "close_gaps", True)
                return False
            if value == Levels((name,)):
                self._change(leaf, argument, Levels((name,), filled=True))
        self.notes[
            f"{name}: {shown_levels(grid.added)} {_are(grid)} in no row, and {self._names(series)} "
            f"{'takes' if len(series) == 1 else 'take'} equal steps: {len(grid.levels)} positions at steps "
            f"of {grid.step}. To count the levels as neighbours, {_NEIGHBOURS}."
        ] = None
        return True

    def _sort(self, node: Node, k: int, factor: _Factor, series: list[str]) -> bool:
        """Whether factor k is to be put in order; what is said where nothing, or somebody, tells an order."""
        wanted = node.arguments.get("ordered")
        if isinstance(wanted, tuple) and k not in wanted:
            return False
        try:
            levels = factor.levels()
        except TableError:
            return False
        order = in_order(levels)
        if order is None:
            if not factor.chosen:
                self._say_order(factor, levels, series)
            return False
        if _along(levels, order):
            return self.any_table and not factor.chosen
        if factor.chosen:
            self._say_order(factor, levels, series)
            self._change(node.id, "close_gaps", True)
            return False
        if node.arguments.get("close_gaps"):
            # In the order that stands for these levels elsewhere they are others' neighbours.
            self.notes[
                f"{factor.name}: {self._names(series)} {'takes' if len(series) == 1 else 'take'} its levels "
                f"in the order of their numbers, {shown_levels(order)}. {_another_order(factor)}."
            ] = None
        return True

    def _say_neighbours(self, factor: _Factor, series: list[str]) -> None:
        """Say that levels are neighbours by choice, where their numbers or dates tell other distances."""
        try:
            grid, levels = factor.grid(), factor.levels()
        except UnevenLevels:
            grid, levels = None, factor.levels()
            why = "their distances differ"
        except TableError:
            return
        else:
            if grid is None:
                if not factor.chosen:
                    self._say_order(factor, levels, series)
                return
            if not grid.added and _along(levels, grid.levels):
                return
            gap = f"{shown_levels(grid.added)} {_are(grid)} missing between them" if grid.added else ""
            order = "" if _along(levels, grid.levels) else "this is not the order of their numbers"
            why = " and ".join(filter(None, (gap, order)))
        if len(levels) > _SYMMETRIC:
            self.notes[
                f"{factor.name}: {self._names(series)} {'takes' if len(series) == 1 else 'take'} the "
                f"{len(levels)} levels {shown_levels(levels)} for neighbours at equal steps, as the model "
                f"says, though {why}. To go by their distances, untick “Levels are neighbours” in the "
                f"design, or {_TIMES}."
            ] = None

    def _say_order(self, factor: _Factor, levels: tuple[str, ...], series: list[str]) -> None:
        """Say in which order levels are taken for neighbours, where no numbers or dates make them some."""
        if len(levels) <= _SYMMETRIC:
            return
        remedy = "For their own order, take that order back" if factor.chosen else _another_order(factor)
        how = "for neighbours at equal steps " if self.evenly.intersection(series) else ""
        self.notes[
            f"{factor.name}: {self._names(series)} {'takes' if len(series) == 1 else 'take'} its levels {how}"
            f"in the order{' that is said,' if factor.chosen else ''} "
            f"{shown_levels(levels)}. {remedy}."
        ] = None

    def _doubt_size(self, leaf: Node) -> None:
        """A size that follows levels with gaps, of positions that no design is seen to fill."""
        argument = self.leaves[leaf.id]
        value = leaf.arguments.get(argument)
        if not isinstance(value, Levels) or len(value.columns) != 1 or self.facts.table is None:
            return
        name = value.columns[0]
        try:
            grid = self.facts.grid(name) if leaf.id in self.evenly else None
        except TableError:
            return
        except UnevenLevels as error:
            self.doubts.append((leaf.id, argument, f"{name}: {error}. Choose: {_TIMES}; or type a size."))
            return
        if grid is not None and grid.added:
            count = self.facts.count(value.columns)
            told = (
                f"Choose: Z G Zᵀ with a design over {name}, which fills them; {_TIMES}; or type the size "
                f"{count}, which takes the levels for neighbours."
            )
            self.doubts.append((leaf.id, argument, self._gap(name, count, grid) + told))
        elif self._unordered(leaf.id):
            told = (
                f"The rows of the table stand in another order than {name}, and {leaf.name} takes rows "
                f"beside one another as neighbours. Choose: Z G Zᵀ with a design over {name}; rows sorted by "
                f"{name}; or type the size {self.facts.rows}, which takes the rows as they stand."
            )
            self.doubts.append((leaf.id, argument, told))

    def _gap(self, name: str, count: int, grid: Grid) -> str:
        return (
            f"The {count} levels of {name} are numbers or dates, and {shown_levels(grid.added)} {_are(grid)} "
            "missing between them. "
        )

    def _names(self, nodes: Sequence[str]) -> str:
        return " and ".join(self.document.nodes[i].name for i in nodes)


def _another_order(factor: _Factor) -> str:
    return (
        f"For another order, say it of {factor.name}, as its order of levels (--levels on the command line, "
        "a pandas Categorical in Python)"
    )


def _along(levels: tuple[str, ...], order: Sequence[str]) -> bool:
    """Whether levels come as they stand along the line, one way or the other."""
    there = set(levels)
    along = tuple(level for level in order if level in there)
    return levels in (along, along[::-1])


def _has_gap(positions: Callable[[], Grid | None]) -> bool:
    try:
        grid = positions()
    except TableError:
        return False
    except UnevenLevels:
        return True
    return grid is not None and bool(grid.added)


def _set_size(grid: Grid) -> str:
    return (
        f"Set the size to auto, for {len(grid.levels)} positions at steps of {grid.step}; or {_NEIGHBOURS}."
    )


def _are(grid: Grid) -> str:
    return "is" if len(grid.added) == 1 else "are"
