"""A fit as data frames: tidy, glance, augment, components, tests, means, influence."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import cast

import pandas as pd

from covstudio.arguments import checked
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
from covstudio.reml.inference.frames import Kind, augment, glance, tidy
from covstudio.threads import on_threads_worth

__all__ = ["After"]

#: A response that is computed by a function of one column.
_TRANSFORMED = re.compile(r"\s*(?P<name>log|sqrt|logit)\(\s*(?:[^\W\d][\w.]*|`[^`]*`)\s*\)\s*")


@on_threads_worth(lambda after: int(after.table.n))
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

    @property
    def rows(self) -> Table:
        """The rows that were used."""
        return self._used.rows(self._design.kept)

    @property
    def _transformation(self) -> Back:
        """The transformation that the response was fitted under, where the model names one."""
        response = self.document.response or ""
        computed = self.document.choices.computed.get(response)
        found = None if computed is None else _TRANSFORMED.fullmatch(computed)
        return "none" if found is None else cast(Back, found["name"])

    @checked
    def tidy(
        self, kind: Kind = "fixed", method: Method = "satterthwaite", level: float = 0.95
    ) -> pd.DataFrame:
        """The estimates, one a row, in the columns of broom; see `covstudio.reml.tidy`.

        Args:
            kind: "fixed" effects, "random" effects, or "components" of variance.
            method: degrees of freedom of fixed effects.
            level: of intervals.
        """
        return tidy(self.inference, kind, method, level)

    def glance(self) -> pd.DataFrame:
        """The fit in one row: size, log-likelihood, criteria, whether it converged."""
        return glance(self.inference)

    def augment(self) -> pd.DataFrame:
        """The rows that were used, with fitted values, residuals and Cook's distances.

        Returns:
            The columns of the table, then those of `covstudio.reml.augment`.
        """
        return augment(self.inference, self.rows.frame)

    @checked
    def components(self, level: float = 0.95) -> pd.DataFrame:
        """The terms of V: mean variance over the rows, standard deviation, share of the whole, and interval.

        Args:
            level: of intervals, which terms of a single variance have.
        """
        return tidy(self.inference, "components", level=level)

    @checked
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

    @checked
    def means(
        self,
        factors: str | Sequence[str],
        *,
        by: str | Sequence[str] = (),
        at: Mapping[str, float] | None = None,
        back: Back | None = None,
        method: Method = "satterthwaite",
        level: float = 0.95,
    ) -> Means:
        """Predicted means of the levels of factors, with SED, LSD, letters and contrasts.

        Args:
            factors: what the means are of.
            by: factors within whose levels they are compared.
            at: values of covariates in place of their means.
            back: the transformation that the response was fitted under, which means are brought back from:
                "log", "sqrt", "logit" or "none"; None for the one that the model names, such as log(yield).
            method: degrees of freedom.
            level: of intervals.
        """
        return predicted_means(
            self.inference,
            self._design,
            factors,
            by=by,
            at=at,
            back=self._transformation if back is None else back,
            method=method,
            level=level,
        )

    @checked
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
            for i, label in enumerate(self.rows.labels(column)):
                groups.setdefault("NA" if label is None else label, []).append(i)
        return pd.DataFrame(self.inference.influence(groups).table())

    def accuracy(self) -> dict[str, Accuracy]:
        """Prediction errors, SED, reliabilities, Cullis' and the generalised heritability of random terms."""
        return self.inference.accuracy()
