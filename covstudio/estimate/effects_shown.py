"""Variances and correlations of random effects as people read them, where effects are correlated."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from covstudio.covariance.linalg.compositions import JOINER
from covstudio.estimate.covariances import INTERCEPT, EffectCovariance

__all__ = ["HEADS", "Shown", "effects_records", "effects_text", "shown_effects"]

#: Of the two tables: what stands in their columns after the names.
HEADS = (
    ("Variances by name", ("variance", "std. error", "SD", "std. error")),
    ("Correlations by name", ("covariance", "std. error", "correlation", "std. error")),
)

Numbers = tuple[float, float, float, float]


@dataclass(frozen=True)
class Shown:
    """A row: what is called so, and its numbers, as `HEADS` has them; NaN where there are none."""

    name: str
    numbers: Numbers


def shown_effects(rows: Iterable[EffectCovariance]) -> tuple[list[Shown], list[Shown]]:
    """The variances and the correlations; nothing where no effects are correlated.

    There the parameters of V say it all.

    Args:
        rows: of a fit, as `Estimate.varcorr` has them.

    Example:
        >>> rows = [
        ...     EffectCovariance("Subject", "Intercept", "", 612.09, 24.74),
        ...     EffectCovariance("Subject", "Days", "", 35.07, 5.92),
        ...     EffectCovariance("Subject", "Intercept", "Days", 9.6, 0.066),
        ...     EffectCovariance("residual", "", "", 654.94, 25.59),
        ... ]
        >>> [[row.name for row in table] for table in shown_effects(rows)]
        [['Subject, Intercept', 'Subject, Days', 'residual'], ['Subject, Intercept and Days']]
    """
    tables: tuple[list[Shown], list[Shown]] = [], []
    for row in rows:
        names = [name.replace(JOINER, " ") for name in (row.var1, row.var2) if name not in ("", INTERCEPT)]
        called = ", ".join([row.term, *([" and ".join(names)] if names else [])])
        numbers = (row.vcov, row.vcov_standard_error, row.sdcor, row.sdcor_standard_error)
        tables[bool(row.var2)].append(Shown(called, numbers))
    return tables if tables[1] else ([], [])


def effects_text(rows: Sequence[EffectCovariance]) -> list[str]:
    """The tables in lines for a terminal, each after an empty one; none where no effects are correlated.

    Args:
        rows: of a fit, as `Estimate.varcorr` has them.
    """
    lines: list[str] = []
    tables = shown_effects(rows)
    width = max([20, *(len(row.name) + 2 for table in tables for row in table)])
    for (head, columns), table in zip(HEADS, tables, strict=True):
        if not table:
            continue
        lines += ["", f"{head:<{width}}" + "".join(f"{column:>12}" for column in columns)]
        lines += [f"  {row.name:<{width - 2}}" + "".join(map(_number, row.numbers)) for row in table]
    return lines


def effects_records(rows: Sequence[EffectCovariance]) -> list[list[dict[str, str | float]]]:
    """The tables as rows by the names of their columns; none where no effects are correlated.

    Args:
        rows: of a fit, as `Estimate.varcorr` has them.
    """
    tables = zip(HEADS, shown_effects(rows), strict=True)
    return [
        [
            dict(
                zip(
                    (head, *columns[:3], f"{columns[3]} of {columns[2]}"),
                    (row.name, *row.numbers),
                    strict=True,
                )
            )
            for row in table
        ]
        for (head, columns), table in tables
        if table
    ]


def _number(value: float) -> str:
    return f"{'-' if value != value else f'{value:.6g}':>12}"
