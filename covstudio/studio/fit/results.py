"""A finished fit as tables for the page and as files."""

from __future__ import annotations

import io
import math
import zipfile
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from covstudio.data.errors import count
from covstudio.document.build.build import build
from covstudio.document.model.document import Document, Method
from covstudio.estimate import Estimate, tables
from covstudio.estimate.covariances import INTERCEPT
from covstudio.estimate.residuals import band, choice
from covstudio.estimate.used_rows import UsedRows, used_rows
from covstudio.reml.engines.registry import title_of
from covstudio.reml.inference.comparison import Candidate
from covstudio.reml.inference.names import Names
from covstudio.studio.fit.results_messages import (
    EffectRow,
    FitSummary,
    FitVerdict,
    Mood,
    RandomRows,
    ResidualPoints,
    ResultsState,
    ShareRow,
    TestRow,
    VarcorrRow,
    VarianceRow,
    Word,
)
from covstudio.studio.session.files import file_stem, spreadsheet_text
from covstudio.studio.session.spoken import Spoken

if TYPE_CHECKING:
    import pandas as pd

    from covstudio.estimate.residuals import Numbers
    from covstudio.reml import Fit

Row = TypeVar("Row", VarianceRow, EffectRow, TestRow)

#: Random effects that are sent to the page; the csv file has them all.
MAX_ROWS = 5000
#: Residuals that are drawn; the csv file has them all.
MAX_POINTS = 2000
ALL = "all"
#: Tables that are not in the archive while they have no rows.
OPTIONAL = ("variance_shares", "varcorr", "tests", "variance_tests", "derived")
#: Table -> its column that names parts of V.
PARTS = {
    "variance_components": "parameter",
    "variance_shares": "term",
    "varcorr": "term",
    "variance_tests": "term",
    "blups": "term",
}
#: What `Fit.verdict` is called on the page, and how it is shown.
VERDICTS: dict[str, tuple[str, Mood]] = {
    "converged": ("Converged", "ok"),
    "at the boundary": ("Converged at the boundary", "todo"),
    "not identifiable": ("Not identifiable", "problem"),
    "stopped": ("Stopped before the maximum", "problem"),
}

#: Method -> which models AIC and BIC compare: the restricted likelihood is that of contrasts free of X.
COMPARED: dict[Method, str] = {
    "REML": "By REML they compare only models of these rows with the same fixed effects.",
    "ML": "By ML they compare models of these rows whose variance parameters, fixed effects or both differ.",
}


class Results:
    """The tables of one fit.

    Args:
        estimate: what the fit found.
        seconds: how long it took.
        title: the model's title, for the names of files.
        number: of the fit in its session.
        rows: those of the table that were used; numbered among themselves when left out.
    """

    def __init__(
        self, estimate: Estimate, seconds: float, title: str, number: int = 1, rows: UsedRows | None = None
    ) -> None:
        self.estimate = estimate
        self.seconds = seconds
        self._stem = file_stem(title)
        self.number = number
        self._rows = rows or used_rows(None, None, estimate.fit.n)
        self._tables = tables(estimate, self._rows.numbers.tolist())
        if estimate.inferred.residuals is not None:
            self._tables["residuals"] = estimate.inferred.residuals.table()

    def of(self, estimate: Estimate) -> Results:
        """The same fit with other derived quantities."""
        return Results(estimate, self.seconds, self._stem, self.number, self._rows)

    def state(self, spoken: Spoken | None = None) -> ResultsState:
        """What the page draws: the summary and the tables, numbers as numbers.

        Args:
            spoken: what the parameters and terms are called; by their paths when left out.
        """
        spoken = spoken or Spoken(Document(), build(Document()))
        random = self._tables["blups"].head(MAX_ROWS)

        def rows(name: str, kind: type[Row]) -> list[Row]:
            return [msgspec.convert(row, kind) for row in _rows(self._tables[name])]

        return ResultsState(
            number=self.number,
            summary=self._summary(spoken),
            variance_components=[
                msgspec.convert(row | {"name": spoken(row["parameter"])}, VarianceRow)
                for row in _rows(self._tables["variance_components"])
            ],
            variance_shares=[
                msgspec.convert(row | {"name": spoken(row["term"])}, ShareRow)
                for row in _rows(self._tables["variance_shares"])
            ],
            varcorr=self._varcorr(spoken),
            fixed_effects=rows("fixed_effects", EffectRow),
            tests=rows("tests", TestRow),
            blups=RandomRows(
                **{name: _values(random[name]) for name in random.columns}
                | {
                    "term": list(map(spoken, random["term"])),
                    "level": list(map(spoken.level, random["term"], random["level"])),
                },
                total=len(self._tables["blups"]),
            ),
            residuals=points(self.estimate, self._rows),
        )

    def _varcorr(self, spoken: Spoken) -> list[VarcorrRow]:
        """Variances and correlations by name, where the parameters of V do not say all of it."""
        rows = self.estimate.varcorr
        if not any(row.var2 for row in rows):
            return []
        return [
            VarcorrRow(
                term=row.term,
                name=spoken(row.term),
                first="" if row.var1 == INTERCEPT else spoken.level(row.term, row.var1),
                second=spoken.level(row.term, row.var2),
                vcov=_value(row.vcov),
                vcov_standard_error=_value(row.vcov_standard_error),
                sdcor=_value(row.sdcor),
                sdcor_standard_error=_value(row.sdcor_standard_error),
            )
            for row in rows
        ]

    def _summary(self, spoken: Spoken) -> FitSummary:
        estimate = self.estimate
        fit, inferred = estimate.fit, estimate.inferred
        return FitSummary(
            method=fit.method,
            loglik=fit.loglik,
            aic=fit.aic,
            bic=fit.bic,
            criteria=criteria(fit),
            n=fit.n,
            p=fit.p,
            verdict=verdict(estimate, spoken),
            iterations=fit.iterations,
            engine=title_of(fit.engine),
            engine_reason=spoken.sentence(fit.engine_reason),
            information=fit.covariance.source if fit.covariance.coordinates else "",
            degrees=inferred.degrees,
            contained=list(inferred.contained),
            seconds=self.seconds,
            notes=list(map(spoken.sentence, (*estimate.notes, *inferred.notes))),
            parameters=self._words(spoken),
        )

    def _words(self, spoken: Spoken) -> list[Word]:
        """What derived quantities are written with."""
        names = Names(self.estimate.fit.params, "parameter")
        return [
            Word(word=names.shortest(path), name=spoken(path))
            for path in names.paths
            if path not in self.estimate.fixed_parameters
        ]

    def _whole(self, name: str, spoken: Spoken | None) -> pd.DataFrame:
        """A table as it is taken away: residuals with what their rows are, parts of V by name and by path."""
        frame = self._tables[name]
        if name == "residuals":
            return self._rows.frame(frame.drop(columns="row"))
        part = PARTS.get(name)
        if spoken is None or part is None:
            return frame
        called, paths = frame.copy(), frame[part]
        called[part] = [spoken(path) for path in paths]
        if "level" in frame:
            called["level"] = list(map(spoken.level, paths, frame["level"]))
        called["path"] = paths
        return called

    def text(self, name: str, spoken: Spoken | None = None) -> str:
        """A table for the clipboard, cells parted by tabs, as spreadsheets take them.

        Args:
            name: of a table.
            spoken: what parameters and terms are called, with their paths in a column behind; by their paths
                alone when left out.

        Raises:
            KeyError: there is no such table.
        """
        return spreadsheet_text(self._whole(name, spoken), "\t")

    def file(self, name: str, spoken: Spoken | None = None) -> tuple[str, str | bytes]:
        """A table as csv, or all of them as a zip archive.

        Args:
            name: of a table, or "all".
            spoken: as for `text`.

        Returns:
            File name and content.

        Raises:
            KeyError: there is no such table.
        """
        if name != ALL:
            return f"{self._stem} {name.replace('_', ' ')}.csv", spreadsheet_text(self._whole(name, spoken))
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            for table in self._tables:
                frame = self._whole(table, spoken)
                if table in OPTIONAL and frame.empty:
                    continue
                archive.writestr(f"{table}.csv", spreadsheet_text(frame))
        return f"{self._stem} fit.zip", stream.getvalue()


def criteria(fit: Fit) -> str:
    """What AIC and BIC of a fit count, and which models they compare.

    Args:
        fit: by REML or ML.

    Example:
        >>> import torch
        >>> from covstudio.covariance import ScalarMatrix
        >>> from covstudio.reml import fit
        >>> found = fit(ScalarMatrix(4), torch.tensor([1.0, 2.0, 4.0, 5.0]), torch.ones(4, 1), method="ML")
        >>> criteria(found).split(". ")[0]
        'AIC and BIC count 1 variance parameter and 1 fixed effect'
    """
    counted = (
        f"{count(Candidate('', fit).parameters, 'variance parameter')} and {count(fit.p, 'fixed effect')}"
    )
    return f"AIC and BIC count {counted}. {COMPARED[fit.method]}"


def verdict(estimate: Estimate, spoken: Spoken) -> FitVerdict:
    """How the fit ended, in words: a title, whether all is well, and what there is to say."""
    fit = estimate.fit
    title, mood = VERDICTS[fit.verdict]
    return FitVerdict(title=title, mood=mood, text="" if mood == "ok" else spoken.sentence(fit.message))


def points(estimate: Estimate, used: UsedRows | None = None) -> ResidualPoints | None:
    """The residuals that are drawn, at most `MAX_POINTS` of them.

    Args:
        estimate: the fit.
        used: the rows of the table that they are of.
    """
    numbers = (used or used_rows(None, None, estimate.fit.n)).numbers
    found = estimate.inferred.residuals
    if found is None:
        return None
    order = found.order
    drawn = choice(len(order), MAX_POINTS)
    rows, around = order[drawn], band(drawn + 1, len(order))
    return ResidualPoints(
        by=found.by,
        row=numbers[rows].tolist(),
        fitted=_short(found.fitted[rows]),
        value=_short(found.value[rows]),
        quantile=_short(found.quantile[rows]),
        lower=_short(around.lower),
        upper=_short(around.upper),
        total=len(order),
    )


def _short(values: Numbers) -> list[float]:
    """To as many digits as a picture shows."""
    return [float(f"{value:.6g}") for value in values.tolist()]


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a table as mappings."""
    columns = {str(name): _values(frame[name]) for name in frame.columns}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _values(column: pd.Series[Any]) -> list[Any]:
    """A column as plain values; what is missing is None."""
    return list(map(_value, column.tolist()))


def _value(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value
