"""A finished fit as tables for the page and as files."""

from __future__ import annotations

import io
import json
import math
import zipfile
from typing import TYPE_CHECKING, Any

from covstudio.estimate import Estimate, tables
from covstudio.reml.engines.registry import title_of
from covstudio.studio.session.files import file_stem
from covstudio.studio.session.messages import plain

if TYPE_CHECKING:
    import pandas as pd

#: Rows of a table that are sent to the page; its csv file has them all.
MAX_ROWS = 5000
ALL = "all"
#: Tables that are not in the archive while they have no rows.
OPTIONAL = ("tests", "variance_tests", "derived")
#: What `Fit.verdict` is called on the page, and how it is shown.
VERDICTS = {
    "converged": ("Converged", "ok"),
    "at the boundary": ("Converged at the boundary", "todo"),
    "not identifiable": ("Not identifiable", "problem"),
    "stopped": ("Stopped before the maximum", "problem"),
}


class Results:
    """The tables of one fit.

    Args:
        estimate: what the fit found.
        seconds: how long it took.
        title: the model's title, for the names of files.
    """

    def __init__(self, estimate: Estimate, seconds: float, title: str) -> None:
        self.estimate = estimate
        self._seconds = seconds
        self._stem = file_stem(title)
        self._tables = tables(estimate)

    def of(self, estimate: Estimate) -> Results:
        """The same fit with other derived quantities."""
        return Results(estimate, self._seconds, self._stem)

    def as_json(self) -> str:
        """What the page draws: the summary and every table, numbers as numbers."""
        estimate = self.estimate
        fit, inferred = estimate.fit, estimate.inferred
        summary = {
            "method": fit.method,
            "loglik": fit.loglik,
            "aic": fit.aic,
            "bic": fit.bic,
            "n": fit.n,
            "p": fit.p,
            "verdict": verdict(estimate),
            "iterations": fit.iterations,
            "engine": title_of(fit.engine),
            "engine_reason": fit.engine_reason,
            "information": fit.covariance.source if fit.covariance.coordinates else "",
            "degrees": inferred.degrees,
            "contained": list(inferred.contained),
            "seconds": self._seconds,
            "notes": [*estimate.notes, *inferred.notes],
            "parameters": [path for path in fit.params if path not in estimate.fixed_parameters],
        }
        content = {
            "summary": summary,
            "tables": {name: table_state(frame) for name, frame in self._tables.items()},
        }
        return json.dumps(plain(content), ensure_ascii=False)

    def file(self, name: str) -> tuple[str, str | bytes]:
        """A table as csv, or all of them as a zip archive.

        Args:
            name: of a table, or "all".

        Returns:
            File name and content.

        Raises:
            KeyError: there is no such table.
        """
        if name != ALL:
            return f"{self._stem} {name.replace('_', ' ')}.csv", self._tables[name].to_csv(index=False)
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            for table, frame in self._tables.items():
                if table in OPTIONAL and frame.empty:
                    continue
                archive.writestr(f"{table}.csv", frame.to_csv(index=False))
        return f"{self._stem} fit.zip", stream.getvalue()


def verdict(estimate: Estimate) -> dict[str, Any]:
    """How the fit ended, in words: a title, whether all is well, and what there is to say."""
    fit = estimate.fit
    title, mood = VERDICTS[fit.verdict]
    return {"title": title, "mood": mood, "text": "" if mood == "ok" else fit.message}


def table_state(frame: pd.DataFrame) -> dict[str, Any]:
    """A data frame as plain rows, at most `MAX_ROWS` of them; what is missing is None."""
    rows = [
        [
            None
            if isinstance(value, float) and math.isnan(value)
            else value.item()
            if hasattr(value, "item")
            else value
            for value in row
        ]
        for row in frame.head(MAX_ROWS).itertuples(index=False, name=None)
    ]
    return {"columns": [str(name) for name in frame.columns], "rows": rows, "total": len(frame)}
