"""Series of measurements on subjects, as the templates for them need it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from covstudio.data.formula import quote_name
from covstudio.data.roles import Role
from covstudio.data.rows import factor_levels
from covstudio.data.tables import Table
from covstudio.document.files.templates.finding import MAX_CELLS, cells, nested, same_place
from covstudio.document.files.templates.sketch import Side, Sketch, known
from covstudio.document.model.document import Document
from covstudio.document.model.node import V

#: The most time points that a structure over levels is proposed for.
MAX_TIMES = 60
#: The most that an unstructured covariance is proposed for.
FEW_TIMES = 12


@dataclass(frozen=True)
class Series:
    """Subjects and times of a table.

    Attributes:
        effect: the columns that together name a subject; (None,) while nobody knows.
        sides: a side of a Kronecker product for each of them.
        time: the column of times; None while it is open, or where there are too many of them, or one.
        repeats: whether a subject has several rows at one time.
    """

    effect: tuple[str | None, ...]
    sides: tuple[Side, ...]
    time: str | None
    repeats: bool = False


def series_of(
    table: Table | None,
    subject: str | None,
    time: str | None,
    trial: tuple[str | None, ...] = (),
    most: int = MAX_TIMES,
) -> Series:
    """Subjects and times of a table, subjects of several trials by trial and label together.

    Args:
        table: the data.
        subject: the column of subjects.
        time: the column of times.
        trial: the columns that tell trials apart.
        most: times that a structure takes.
    """
    names: tuple[str | None, ...] = (subject,)
    repeats = False
    if table is not None:
        own = None not in trial and subject is not None and nested(table, subject, known(trial))
        if trial and not own:
            names = (*trial, subject)
        if time is not None:
            whose = known(names)
            repeats = bool(whose) and None not in trial and same_place(table, (*whose, time)) is not None
            times = len(factor_levels(table, time))
            # A series needs two times.
            if not 2 <= times <= most or cells(table, *names, time) > MAX_CELLS:
                time = None
    sides = tuple(Side("IdentityMatrix", "subjects", name) for name in names)
    return Series(names, sides, time, repeats)


def by_one_structure(series: Series, side: Side, roles: Mapping[str, Role], time: str | None) -> Document:
    """Measurements of subjects with one structure over their times, which may be fixed effects as well.

    Args:
        series: subjects and times.
        side: the structure; where a subject has several rows at one time, every row has a residual beside it.
        roles: of the columns.
        time: the column of times, whether or not the structure is over it.
    """
    model = Sketch()
    total = model.add("Sum", "Sum", V) if series.repeats else V
    model.over("subject", total, *series.sides, side)
    if series.repeats:
        model.residual(total, name="measurement")
    model.fixed(quote_name(time) if time is not None and roles.get(time) in ("factor", "covariate") else None)
    return model.document
