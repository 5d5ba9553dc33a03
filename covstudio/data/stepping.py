"""A table under choices: its cells as they are said to be, then the steps one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import singledispatch

import numpy as np
import pandas as pd

from covstudio.data.calculation import holds
from covstudio.data.choices import TableChoices
from covstudio.data.column_text import ColumnText, Marks
from covstudio.data.columns import parse_column
from covstudio.data.computed import with_computed
from covstudio.data.errors import SUGGESTED, ChoiceError, TableError, count, listed, shown, suggestion
from covstudio.data.in_memory import frame_of, series_of
from covstudio.data.numerals import number
from covstudio.data.steps import Compute, Keep, Recode, Rename, Step
from covstudio.data.tables import Table, derives
from covstudio.data.text import label

__all__ = ["take", "under", "unheard"]


@derives
def under(table: Table, choices: TableChoices) -> Table:
    """A table under other choices, from what it was before the steps of those it has.

    Args:
        table: the table.
        choices: all that is said.

    Raises:
        ChoiceError: a column is not what it is said to be, or a step cannot be taken.
    """
    start = table.before_steps()
    plain = start if start.choices == replace(choices, steps=()) else _under(start, choices)
    found = plain
    for step in choices.steps:
        try:
            found = take(step, found)
        except ChoiceError:
            raise
        except TableError as error:
            raise ChoiceError(f"The step '{step}' cannot be taken: {error}") from None
    if not choices.steps:
        return plain
    places = found.places if found.base is not None else np.arange(found.n, dtype=np.int64)
    return replace(found, choices=choices, base=plain, places=places)


@singledispatch
def take(step: Step, table: Table) -> Table:
    """The table after a step.

    Args:
        step: what is done.
        table: the table before it.

    Raises:
        TableError: a column is not there.
        ChoiceError: the step does not suit the table.
    """
    raise ChoiceError(f"{type(step).__name__} is no step.")


@take.register
def _compute(step: Compute, table: Table) -> Table:
    if step.name in table.columns:
        raise ChoiceError(
            f"{shown(step.name)} is to be computed as {shown(step.text)}, and the table has a column of that "
            "name. "
            "Give the computed column another name."
        )
    return replace(table, frame=table.frame.assign(**{step.name: with_computed(table, step.name, step.text)}))


@take.register
def _rename(step: Rename, table: Table) -> Table:
    table.require([step.column])
    if step.name in table.columns and step.name != step.column:
        raise ChoiceError(
            f"{shown(step.column)} is to be called {shown(step.name)}, and the table has a column of that "
            "name. Give "
            "it another name, or rename that one first."
        )
    return replace(table, frame=table.frame.rename(columns={step.column: step.name}))


@take.register
def _recode(step: Recode, table: Table) -> Table:
    labels = table.labels(step.column)
    present = dict.fromkeys(one for one in labels if one is not None)
    absent = [one for one in step.labels if one not in present]
    notes = [
        f"Column {shown(step.column)}: no row has {shown(one)}, which is to become another label. "
        f"{suggestion(one, list(present), 'label')}"
        for one in absent[:SUGGESTED]
    ]
    if more := absent[SUGGESTED:]:
        notes.append(f"Column {shown(step.column)}: no row has {count(len(more), 'other')} of these labels.")
    becomes = [step.labels.get(one, one) if one is not None else None for one in labels]
    cells: list[str | float | None] = list(becomes)
    if table.is_numeric(step.column):
        sizes = [None if one is None else number(one) for one in becomes]
        if all(size is not None or one is None for size, one in zip(sizes, becomes, strict=True)):
            whole = all(size is None or size == round(size) for size in sizes)
            cells = [int(size) if whole and size is not None else size for size in sizes]
    frame = table.frame.assign(**{step.column: series_of(step.column, cells)})
    return replace(table, frame=frame, notes=(*table.notes, *notes))


@take.register
def _keep(step: Keep, table: Table) -> Table:
    kept, unknown = holds(table, step.where)
    if not kept.any():
        why = f": it cannot be told in {count(unknown, 'row')}, as a value is missing" if unknown else ""
        raise ChoiceError(f"No row is left where {shown(step.where)}{why}. Say what holds in some rows.")
    without = f"; in {count(unknown, 'row')} a value is missing that it needs" if unknown else ""
    note = f"{int(kept.sum()):,} of {count(table.n, 'row')} are kept, where {shown(step.where)}{without}."
    base = table if table.base is None else table.base
    places = np.arange(table.n, dtype=np.int64) if table.places is None else table.places
    found = replace(table, base=None, places=None).rows(kept)
    return replace(found, base=base, places=places[kept], notes=(*table.notes, note))


def unheard(choices: TableChoices, columns: Sequence[str]) -> list[str]:
    """Notes of columns that something is said about and that are not there.

    Args:
        choices: what is said.
        columns: the columns of the file.
    """
    later = {step.name for step in choices.steps if isinstance(step, Compute | Rename)}
    there = {*columns, *later}
    absent = [name for name in choices.columns if name not in there]
    notes = [
        f"Something is said about column {shown(name)}, and there is no such column. "
        f"{suggestion(name, [*columns, *later])}"
        for name in absent[:SUGGESTED]
    ]
    if more := absent[SUGGESTED:]:
        notes.append(
            f"Something is said about {count(len(more), 'more column')} that there "
            f"{'is' if len(more) == 1 else 'are'} not: {listed(more)}."
        )
    return notes


def _under(table: Table, choices: TableChoices) -> Table:
    """A table that was read, under other choices but their steps."""
    frame = {name: table.frame[name] for name in table.columns}
    notes = dict.fromkeys((*table.notes, *unheard(choices, list(frame))))
    for name in list(frame):
        series = frame[name]
        said, before = choices.column(name), table.choices.column(name)
        codes = {*choices.missing, *said.missing} - set(said.values)
        # Numbers in memory have lost the marks that they were written with.
        decimals = () if table.is_numeric(name) else (said.decimal, before.decimal)
        same = (said.kind, said.order) == (before.kind, before.order) and len(set(decimals)) < 2
        if codes and not said.kind and not said.order:
            sizes = {size for code in codes if (size := number(code)) is not None}
            hit = series.isin(list(sizes)) if table.is_numeric(name) else series.isin(list(codes))
            if same and not hit.any():
                continue
        elif same:
            continue
        texts = np.array([label(value) or "" for value in series], dtype=object)
        column = ColumnText.of(name, texts, choices, table.lines)
        parsed = parse_column(column, Marks(","), choices, answers=False)
        frame[name] = pd.Series(parsed.values, dtype=parsed.values.dtype)
        notes |= dict.fromkeys(parsed.notes)
    changed = {name for name in table.columns if choices.column(name) != table.choices.column(name)}
    questions = tuple(one for one in table.questions if one.column not in changed)
    own = replace(choices, steps=())
    return replace(table, frame=frame_of(frame), notes=tuple(notes), questions=questions, choices=own)
