r"""Estimates as data: means of one fit, or of one fit for each trial, for a second stage.

With m the means of the first stage and C their covariance matrix, block-diagonal over independent fits, the
second stage is m = X beta + Z u + e with var(e) = C known. Where the fixed effects of the first stage are
those that the second one explains, and the variances are known, both stages together are generalised least
squares in one stage: m is sufficient for what is common to the trials.

C costs a matrix of all means. In its place a diagonal one is common: the variances themselves, or those of
Smith, Cullis & Gilmour, :math:`1 / (C^{-1})_{ii}`, which keep of the inverse what stands on its diagonal.

Sources: Smith, Cullis & Gilmour (2001), Aust. N. Z. J. Stat. 43:129; Möhring & Piepho (2009), Crop Sci.
49:1977; Piepho, Möhring, Schulz-Streeck & Ogutu (2012), Biom. J. 54:844.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from covstudio.arguments import checked
from covstudio.data.errors import listed
from covstudio.estimate.means import Means

__all__ = ["FirstStage", "first_stage"]

#: The columns that the table of a first stage has beside its factors.
COLUMNS = ("estimate", "mean", "std_error", "variance", "smith")


@dataclass(frozen=True, eq=False)
class FirstStage:
    """Means with their covariance, the data of a second fit.

    Attributes:
        frame: a row for each mean: "estimate" (its name), the trial and the factors, then "mean",
            "std_error", "variance", and "smith", the variance of Smith's weights; on the scale of the fit.
        covariance: of the means, (n, n), rows and columns called by their names.
    """

    frame: pd.DataFrame
    covariance: pd.DataFrame

    def __repr__(self) -> str:
        return f"Means of a first stage: {len(self.frame):,} rows\n{self.frame.to_string(max_rows=10)}"


@checked(own=("means",))
def first_stage(means: Means | Mapping[str, Means], name: str = "trial") -> FirstStage:
    """Means as the data of a second stage.

    Args:
        means: of one fit; or trial -> the means of a fit of its own, independent of those of others.
        name: what tells the fits apart: a column of the table.

    Returns:
        A table and the covariance matrix of its means: `fit(formula, first.frame, errors=first.covariance)`,
        or with `errors="smith"` or `errors="variance"` for a diagonal in its place.

    Raises:
        ValueError: the means are of different factors, their names are taken, or they cannot be told apart.
        TypeError: they are no means.

    Example:
        >>> from covstudio import fit
        >>> from covstudio.data import load_example
        >>> oats = load_example("john_alpha")
        >>> means = fit("yield ~ rep + gen + (1 | rep:block)", oats).means("gen")
        >>> first = first_stage(means)
        >>> first.frame.round(3).head(2).to_dict("records")[1]["mean"], first.covariance.shape
        (4.479, (24, 24))
        >>> second = fit("mean ~ 1 + (1 | gen)", first.frame, errors=first.covariance)
        >>> one = fit("yield ~ rep + (1 | gen) + (1 | rep:block)", oats)
        >>> [round(found.params["gen/g/sigma^2"], 3) for found in (second, one)]
        [0.143, 0.143]
    """
    single = isinstance(means, Means)
    fits: Mapping[str, Means] = {"": means} if isinstance(means, Means) else means
    if isinstance(fits, Mapping) and not fits:
        raise ValueError("A first stage has the means of at least one fit, and there are none.")
    if not isinstance(fits, Mapping) or not all(isinstance(own, Means) for own in fits.values()):
        got = next(iter(fits.values())) if isinstance(fits, Mapping) else fits
        raise TypeError(
            "first_stage takes the means of a fit, fit(...).means('gen'), or a dict of them, trial -> means; "
            f"got {type(got).__name__}."
        )
    trials = [str(trial) for trial in fits]
    if twice := [one for one in trials if trials.count(one) > 1]:
        raise ValueError(f"Two trials are called {twice[0]!r}. Give each a name of its own.")
    first = next(iter(fits.values()))
    columns = (*first.factors, *first.by)
    for one, own in fits.items():
        if (*own.factors, *own.by) != columns:
            raise ValueError(
                f"The means of {one!r} are of {listed((*own.factors, *own.by))}, and those before of "
                f"{listed(columns)}. Ask every fit for the same means."
            )
    heads = columns if single else (name, *columns)
    if taken := [one for one in heads if one in COLUMNS or heads.count(one) > 1]:
        raise ValueError(
            f"The table of a first stage has a column {taken[0]!r} of its own. Rename that factor, or say "
            "another name=."
        )
    rows = [
        (*(() if single else (str(trial),)), *cell, mean.estimate, mean.standard_error)
        for trial, own in fits.items()
        for cell, mean in zip(own.cells, own.estimates, strict=True)
    ]
    frame = pd.DataFrame(rows, columns=[*heads, "mean", "std_error"])
    named = [" · ".join(row[: len(heads)]) for row in rows]
    if len(set(named)) < len(named):
        named = [f"{k} · {one}" for k, one in enumerate(named, 1)]
    frame.insert(0, "estimate", named)
    blocks = [own.covariance.to_numpy() for own in fits.values()]
    covariance = _along(blocks)
    frame["variance"] = np.diag(covariance)
    try:
        frame["smith"] = 1.0 / np.concatenate([np.diag(np.linalg.inv(block)) for block in blocks])
    except np.linalg.LinAlgError:
        raise ValueError(
            "The covariance matrix of the means has no inverse: some of them follow from others. Ask for "
            "fewer means."
        ) from None
    return FirstStage(frame, pd.DataFrame(covariance, index=named, columns=named))


def _along(blocks: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Matrices along the diagonal of one."""
    from scipy.linalg import block_diag

    whole: NDArray[np.float64] = block_diag(*blocks)
    return whole
