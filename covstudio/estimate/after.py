"""A fit as data frames: tidy, glance, augment, components, tests, means, influence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Literal

import pandas as pd

from covstudio.data.design import Design
from covstudio.data.tables import Table
from covstudio.document.model.document import Document
from covstudio.estimate.anova import TestType, term_contrasts
from covstudio.estimate.inferred import bound
from covstudio.estimate.means import Back, Means, predicted_means
from covstudio.estimate.model import assemble
from covstudio.reml import Fit, Inference
from covstudio.reml.inference.accuracy import Accuracy
from covstudio.reml.inference.fixed import Method

__all__ = ["After"]

Kind = Literal["fixed", "random", "components"]


class After:
    """What is asked of a fit of a document to a table, as data frames.

    Args:
        document: the model.
        table: the data.
        fit: the fit of the one to the other.

    Example:
        >>> from covstudio import fit
        >>> from covstudio.data import load_example
        >>> found = fit("yield ~ rep + (1 | gen) + (1 | rep:block)", load_example("john_alpha"))
        >>> found.tidy()[["term", "estimate"]].round(4).values.tolist()
        [['(Intercept)', 4.5182], ['rep[R2]', 0.2978], ['rep[R3]', -0.414]]
    """

    def __init__(self, document: Document, table: Table, fit: Fit) -> None:
        self.document, self.table, self.fit = document, table, fit
        self._parts = assemble(document, table)

    @cached_property
    def inference(self) -> Inference:
        """Everything that the fit says beyond its estimates."""
        return bound(self._parts, self.fit)

    @property
    def _design(self) -> Design:
        assert self._parts.design is not None, "what was assembled has a design"
        return self._parts.design

    @property
    def _used(self) -> Table:
        assert self._parts.table is not None, "what was assembled has a table"
        return self._parts.table

    def tidy(
        self, kind: Kind = "fixed", method: Method = "satterthwaite", level: float = 0.95
    ) -> pd.DataFrame:
        """The estimates, one a row, in the columns of broom.

        Args:
            kind: "fixed" effects, "random" effects, or "components" of variance.
            method: degrees of freedom of fixed effects.
            level: of intervals.

        Returns:
            "term", "estimate", "std_error", "statistic", "df", "p_value", "conf_low", "conf_high" of fixed
            effects; "group", "level", "estimate", "std_error", "reliability" of random ones; those of
            `components`.

        Raises:
            ValueError: there is no such kind.
        """
        if kind == "components":
            return self.components(level)
        if kind == "random":
            rows = [
                {"group": path, "level": name, "estimate": value, "std_error": error, "reliability": share}
                for path, effects in self.inference.random_effects().items()
                for name, value, error, share in zip(
                    effects.levels,
                    effects.blup.tolist(),
                    effects.standard_error.tolist(),
                    effects.reliability.tolist(),
                    strict=True,
                )
            ]
            return pd.DataFrame(rows, columns=["group", "level", "estimate", "std_error", "reliability"])
        if kind != "fixed":
            raise ValueError(f"kind must be 'fixed', 'random' or 'components', and is {kind!r}.")
        found = self.inference.fixed_effects(method, level)
        return pd.DataFrame(
            [
                {
                    "term": one.name,
                    "estimate": one.estimate,
                    "std_error": one.standard_error,
                    "statistic": one.t,
                    "df": one.df,
                    "p_value": one.p_value,
                    "conf_low": one.lower,
                    "conf_high": one.upper,
                }
                for one in found.entries
            ]
        )

    def glance(self) -> pd.DataFrame:
        """The fit in one row: size, log-likelihood, criteria, whether it converged."""
        fit = self.fit
        return pd.DataFrame(
            [
                {
                    "nobs": fit.n,
                    "df_fixed": fit.p,
                    "df_random": self.inference.parameters,
                    "log_lik": fit.loglik,
                    "deviance": -2.0 * fit.loglik,
                    "aic": fit.aic,
                    "bic": fit.bic,
                    "method": fit.method,
                    "converged": fit.converged,
                    "iterations": fit.iterations,
                    "engine": fit.engine,
                }
            ]
        )

    def augment(self) -> pd.DataFrame:
        """The rows that were used, with fitted values, residuals and Cook's distances.

        Returns:
            The columns of the table, then "fitted" (with random effects), "fixed" (X beta), "residual",
            "pearson", "studentised" and "cooks".
        """
        residuals = self.inference.residuals
        kept = self._design.kept
        frame = self._used.frame.loc[kept].reset_index(drop=True).copy()
        added = {
            "fitted": residuals.fitted,
            "fixed": residuals.marginal_fitted,
            "residual": residuals.conditional,
            "pearson": residuals.conditional_pearson,
            "studentised": residuals.conditional_studentised,
            "cooks": self.inference.influence().cooks,
        }
        taken = [name for name in added if name in frame.columns]
        for name, values in added.items():
            frame[f"{name}_" if name in taken else name] = values.tolist()
        return frame

    def components(self, level: float = 0.95) -> pd.DataFrame:
        """The terms of V: variance, standard deviation, share of the whole, and interval.

        Args:
            level: of intervals.

        Returns:
            "term", "variance" (mean over the rows), "sd", "share", and for terms of one variance
            "std_error", "conf_low" and "conf_high" of the variance; NaN for others.
        """
        return pd.DataFrame(self.inference.components(level).table())

    def anova(self, kind: TestType = 3, method: Method = "satterthwaite") -> pd.DataFrame:
        """Tests of the terms of the fixed effects.

        Args:
            kind: type 1 (each after those before it), 2 (each after all that do not contain it) or 3 (each
                beside all others, effects summing to 0), as in SAS and lmerTest.
            method: degrees of freedom.

        Returns:
            "term", "F", "df", "den_df", "p".

        Raises:
            DesignError: type 3 is asked for, and combinations of levels do not occur.
        """
        contrasts = term_contrasts(self._design, kind)
        found = self.inference.wald_terms(contrasts, method)
        return pd.DataFrame(
            [(one.name, one.f, one.numerator_df, one.denominator_df, one.p_value) for one in found.entries],
            columns=["term", "F", "df", "den_df", "p"],
        )

    def means(
        self,
        factors: str | Sequence[str],
        *,
        by: str | Sequence[str] = (),
        at: Mapping[str, float] | None = None,
        back: Back = "none",
        method: Method = "satterthwaite",
        level: float = 0.95,
    ) -> Means:
        """Predicted means of the levels of factors, with SED, LSD, letters and contrasts.

        Args:
            factors: what the means are of.
            by: factors within whose levels they are compared.
            at: values of covariates in place of their means.
            back: the transformation that the response was fitted under: "log", "sqrt" or "logit".
            method: degrees of freedom.
            level: of intervals.
        """
        return predicted_means(
            self.inference,
            self._design,
            factors,
            by=by,
            at=at,
            back=back,
            method=method,
            level=level,
        )

    def influence(self, column: str | None = None) -> pd.DataFrame:
        """What leaving out rows does to the fixed effects, V taken as known.

        Args:
            column: the rows of each level of it together; None for every row by itself.

        Returns:
            "group", "rows", "cooks" (Cook's distance), and the change of every fixed effect.
        """
        groups: dict[str, list[int]] | None = None
        if column is not None:
            groups = {}
            used = self._used.rows(self._design.kept)
            for i, label in enumerate(used.labels(column)):
                groups.setdefault("NA" if label is None else label, []).append(i)
        return pd.DataFrame(self.inference.influence(groups).table())

    def accuracy(self) -> dict[str, Accuracy]:
        """Prediction errors, SED, reliabilities, Cullis' and the generalised heritability of random terms."""
        return self.inference.accuracy()
