"""A model fitted to a table, and what is asked of it: `covstudio.fit` makes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from covstudio.arguments import checked
from covstudio.data.frames import Frame, table_of
from covstudio.data.tables import Table
from covstudio.document.build.build import build
from covstudio.document.model.document import Document
from covstudio.estimate import (
    After,
    Estimate,
    Means,
    derive,
    design_of,
    files,
    ranef,
    tables,
)
from covstudio.estimate.effects_shown import effects_records, effects_text
from covstudio.estimate.new_rows import random_part
from covstudio.estimate.tables import derived_table
from covstudio.estimate.used_rows import UsedRows, used_rows
from covstudio.notebook.results import fit_html
from covstudio.plots.of_fit import FitPlots, plots_of_model
from covstudio.reml import Fit, Inference
from covstudio.threads import on_threads_worth

if TYPE_CHECKING:
    import pandas as pd


@on_threads_worth(lambda fitted: int(fitted.table.n))
@dataclass(frozen=True, eq=False)
class Fitted:
    """A model fitted to a table.

    Attributes:
        estimate: everything that was estimated, as the app and the command line have it.
        document: the model, to be saved, exported or opened in the app.
        table: the data.
        notes: how the formula was read, where that needs saying, what was made of rows and levels, and what
            the table leaves open.
        versions: what the fit was made by, of one that was read from a file; empty for one made just now.
    """

    estimate: Estimate
    document: Document
    table: Table
    notes: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def fit(self) -> Fit:
        """The fit itself."""
        return self.estimate.fit

    @property
    def loglik(self) -> float:
        """The log-likelihood in R's convention: `logLik` of lme4, nlme and glmmTMB."""
        return self.fit.loglik

    @property
    def aic(self) -> float:
        """Akaike's information criterion, as `AIC` of lme4."""
        return self.fit.aic

    @property
    def bic(self) -> float:
        """Schwarz's criterion, as `BIC` of lme4."""
        return self.fit.bic

    @property
    def method(self) -> str:
        """REML or ML."""
        return self.fit.method

    @property
    def params(self) -> Mapping[str, float]:
        """Natural values of the parameters of V, by their paths in the tree."""
        return self.fit.params

    @cached_property
    def _rows(self) -> UsedRows:
        """The rows that were used, with their numbers in the table."""
        return used_rows(self.document, self.table, self.fit.n)

    @cached_property
    def tables(self) -> dict[str, pd.DataFrame]:
        """All estimates as tables: see `covstudio.estimate.tables`."""
        return tables(self.estimate, self._rows.numbers.tolist())

    @property
    def fixed(self) -> pd.DataFrame:
        """The fixed effects, with standard errors and t tests, by their names."""
        return self.tables["fixed_effects"]

    @property
    def components(self) -> pd.DataFrame:
        """The parameters of V, with standard errors and intervals."""
        return self.tables["variance_components"]

    @property
    def varcorr(self) -> pd.DataFrame:
        """Variances, standard deviations and correlations of random effects by name, as R's `VarCorr`.

        Returns:
            term, var1, var2, vcov (variance or covariance), sdcor (its square root, or the correlation) and
            the standard errors of both by the delta method: see `covstudio.estimate.varcorr`.

        Example:
            >>> from covstudio import fit
            >>> from covstudio.data import load_example
            >>> found = fit("Reaction ~ Days + (Days | Subject)", load_example("sleepstudy"))
            >>> found.varcorr[["var1", "var2", "sdcor"]].round(2).values.tolist()
            [['Intercept', '', 24.74], ['Days', '', 5.92], ['Intercept', 'Days', 0.07], ['', '', 25.59]]
        """
        return self.tables["varcorr"]

    @checked
    def ranef(self, what: Literal["effect", "standard_error"] = "effect") -> dict[str, pd.DataFrame]:
        """Predicted effects as R's `ranef`: a row for every group, a column for every coefficient.

        Args:
            what: "effect" or "standard_error".

        Returns:
            term -> frame.

        Example:
            >>> from covstudio import fit
            >>> from covstudio.data import load_example
            >>> found = fit("yield ~ rep + (1 | gen)", load_example("john_alpha"))
            >>> found.ranef()["gen"].round(3).loc[["G01", "G05"], "(Intercept)"].tolist()
            [0.533, 0.456]
        """
        built = build(self.document, self.table)
        assert built.v is not None
        return ranef(built.v, self.fit, what)

    @property
    def random(self) -> pd.DataFrame:
        """The predicted random effects, by term and level."""
        return self.tables["blups"]

    @checked
    def predict(
        self,
        frame: Frame,
        random: bool | str | Sequence[str] = False,
        *,
        new_levels: Literal["zero", "refuse"] = "zero",
        level: float | None = None,
        observation: bool = False,
    ) -> pd.DataFrame:
        """The means of other rows and their standard errors, random effects at 0 or as they are predicted.

        Polynomials, splines and scaled columns keep what they took from the rows of the fit. Random parts are
        predicted by the covariance of the new rows with those of the fit: effects of known levels, however
        they are drawn, and processes and fields at new places. Standard errors take V as known and not its
        estimation into account, as `se.fit` of lme4 and the prediction errors of Henderson's equations do.

        Args:
            frame: the other rows, with the columns of the fixed effects, and of V where `random` or
                `observation` asks for it.
            random: False for X beta (`re.form = NA` of lme4), True for X beta and all that can be predicted
                (`re.form = NULL`), or the names of terms of V.
            new_levels: of levels that the fit has no effect of: "zero" predicts them at 0, with their
                variance in the standard error, and says so in `attrs["notes"]`; "refuse" raises.
            level: of intervals, such as 0.95; None for none.
            observation: whether standard errors and intervals are those of a new observation of each row,
                with its independent error, and with the whole variance of the terms that `random` leaves out:
                it is of levels that nothing is known of.

        Returns:
            prediction and standard_error (with `random` or `observation`, of the prediction minus what it
            predicts), and lower and upper where `level` is given; one row for each row that has all columns.

        Raises:
            DesignError: a label is no level of its factor, no row has all that is needed, or `random` asks
                for what is not there.
            ValueError: an option is none of those above.

        Example:
            >>> from covstudio import fit
            >>> from covstudio.data import load_example
            >>> found = fit("yield ~ rep + (1 | gen)", load_example("john_alpha"))
            >>> found.predict({"rep": ["R1", "R3"]})["prediction"].round(3).tolist()
            [4.518, 4.104]
            >>> rows = {"rep": ["R1", "R1"], "gen": ["G01", "G99"]}
            >>> found.predict(rows, random=True)["prediction"].round(3).tolist()
            [5.051, 4.518]
            >>> plot = found.predict(rows, random=True, level=0.95, observation=True)
            >>> plot[["lower", "upper"]].round(3).values.tolist()
            [[4.234, 5.868], [3.434, 5.602]]
        """
        import pandas as pd

        inference = self.inference
        new = table_of(frame, "new rows")
        notes: tuple[str, ...] = ()
        if random is False and not observation:
            design = design_of(self.document, self.table).at(new)
            found = inference.predict(design.x, level=0.95 if level is None else level)
        else:
            terms = None if random is True else [] if random is False else random
            part = random_part(
                self.document,
                self.table,
                inference,
                new,
                [terms] if isinstance(terms, str) else terms,
                refuse_new=new_levels == "refuse",
                observation=observation,
            )
            design = design_of(self.document, self.table).at(new.rows(part.kept))
            found = inference.predict(
                design.x,
                covariance=part.covariance,
                variance=part.variance + part.rest,
                level=0.95 if level is None else level,
            )
            notes = part.notes
        shift = 0.0 if design.offset is None else design.offset
        columns = {"prediction": found.predicted + shift, "standard_error": found.standard_error}
        if level is not None:
            columns |= {"lower": found.lower + shift, "upper": found.upper + shift}
        frame_of = pd.DataFrame({name: values.numpy() for name, values in columns.items()})
        if notes:
            frame_of.attrs["notes"] = list(notes)
        return frame_of

    @cached_property
    def after(self) -> After:
        """What is asked of a fit: tests, means, influence, as data frames."""
        return After(self.document, self.table, self.fit)

    @property
    def inference(self) -> Inference:
        """Everything that the fit says beyond its estimates."""
        return self.after.inference

    @property
    def plot(self) -> FitPlots:
        """Pictures of the fit: `found.plot("residuals")`; see `covstudio.plots.of_fit.FitPlots`."""
        rows, response = self.after.rows, self.document.response or ""
        return plots_of_model(self.inference, rows, response, self._rows.numbers)

    def tidy(self, kind: Any = "fixed", **options: Any) -> pd.DataFrame:
        """The estimates, one a row; see `covstudio.estimate.After.tidy`."""
        return self.after.tidy(kind, **options)

    @checked
    def glance(self) -> pd.DataFrame:
        """The fit in one row; see `covstudio.estimate.After.glance`."""
        return self.after.glance()

    @checked
    def augment(self) -> pd.DataFrame:
        """The rows with fitted values and residuals; see `covstudio.estimate.After.augment`."""
        return self.after.augment()

    def anova(self, kind: Any = 3, **options: Any) -> pd.DataFrame:
        """Tests of type 1, 2 or 3 of the terms; see `covstudio.estimate.After.anova`."""
        return self.after.anova(kind, **options)

    def means(self, factors: Any, **options: Any) -> Means:
        """Predicted means; see `covstudio.estimate.After.means`."""
        return self.after.means(factors, **options)

    @checked
    def derive(self, *expressions: str) -> pd.DataFrame:
        """Functions of the variances and covariances, by the names of terms, with their standard errors.

        Args:
            *expressions: such as "h2 = genotype / (genotype + residual)" or "corr(G)"; parts of V by name
                stand for their mean variance, paths such as `gen/g/sigma^2` for a parameter.

        Returns:
            quantity, expression, estimate, standard_error, lower, upper (of 95 %), and note, which says why a
            number is missing.

        Raises:
            TypeError: an expression is no text.

        Example:
            >>> from covstudio import fit
            >>> from covstudio.data import load_example
            >>> found = fit("yield ~ rep + (1 | gen)", load_example("john_alpha"))
            >>> found.derive("h2 = gen / (gen + residual)")[["quantity", "estimate"]].round(3).values.tolist()
            [['h2', 0.542]]
        """
        return derived_table(derive(self.inference.v, self.fit, self.estimate.inferred, expressions))

    @checked(own=("column",))
    def influence(self, column: str | None = None) -> pd.DataFrame:
        """Influence of rows or levels; see `covstudio.estimate.After.influence`."""
        return self.after.influence(column)

    @checked
    def save(self, path: str | PathLike[str]) -> None:
        """Save the fit as JSON, with its model, its table and the versions it was made by.

        Args:
            path: of the file; `covstudio.read_fit` reads it back, to the last bit of every number.

        Raises:
            OSError: the file cannot be written.

        Example:
            >>> import tempfile
            >>> from pathlib import Path
            >>> from covstudio import fit, read_fit
            >>> from covstudio.data import load_example
            >>> found = fit("yield ~ rep + (1 | gen)", load_example("john_alpha"))
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     path = Path(folder) / "oats.fit.json"
            ...     found.save(path)
            ...     read_fit(path).loglik == found.loglik
            True
        """
        text = files.dumps(self.estimate, self.document, self.table, self.notes, self.versions or None)
        try:
            Path(path).write_text(text, encoding="utf-8")
        except FileNotFoundError:
            folder = str(Path(path).parent)
            raise FileNotFoundError(f"There is no folder {folder!r}. Make it, or check the path.") from None

    def summary(self) -> str:
        """The fit as tables to read."""
        return "\n".join([self.fit.summary(), *effects_text(self.estimate.varcorr)])

    def _repr_html_(self) -> str:
        title = f"{self.document.title}: {self.table.name}"
        return fit_html(self.fit, title, self.notes, effects_records(self.estimate.varcorr))

    def __repr__(self) -> str:
        said = f"{self.document.title}: {self.table.name}, {self.fit.n:,} rows"
        return "\n".join([said, self.summary(), *(f"Note: {note}" for note in self.notes)])
