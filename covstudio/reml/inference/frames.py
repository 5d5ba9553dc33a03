"""A fit as data frames in the manner of broom: a row for each estimate, for the fit, for each row of data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from covstudio.arguments import checked
from covstudio.reml.inference.fixed import Method
from covstudio.reml.inference.inference import Inference

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Kind", "augment", "glance", "tidy"]

Kind = Literal["fixed", "random", "components"]


@checked
def tidy(
    told: Inference, kind: Kind = "fixed", method: Method = "satterthwaite", level: float = 0.95
) -> pd.DataFrame:
    """The estimates, one a row, in the columns of broom.

    Args:
        told: the fit with its data.
        kind: "fixed" effects, "random" effects, or "components" of variance.
        method: degrees of freedom of fixed effects.
        level: of intervals.

    Returns:
        "term", "estimate", "std_error", "statistic", "df", "p_value", "conf_low", "conf_high" of fixed
        effects; "group", "level", "estimate", "std_error", "reliability" of random ones; "term", "variance",
        "sd", "share", "std_error", "conf_low", "conf_high" of components.

    Raises:
        ValueError: there is no such kind.

    Example:
        >>> import torch
        >>> from covstudio.covariance import ScalarMatrix
        >>> from covstudio.reml import Inference, fit
        >>> v, y, x = ScalarMatrix(4), torch.tensor([1.0, 2.0, 4.0, 5.0]), torch.ones(4, 1)
        >>> told = Inference(fit(v, y, x), v, y, x, names=["mean"])
        >>> tidy(told)[["term", "estimate", "df"]].round(3).values.tolist()
        [['mean', 3.0, 3.0]]
    """
    import pandas as pd

    rows: list[dict[str, Any]]
    if kind == "components":
        rows = told.components(level).table()
        columns = ["term", "variance", "sd", "share", "std_error", "conf_low", "conf_high"]
    elif kind == "random":
        columns = ["group", "level", "estimate", "std_error", "reliability"]
        rows = [
            dict(zip(columns, (path, *values), strict=True))
            for path, effects in told.random_effects().items()
            for values in zip(
                effects.levels,
                effects.blup.tolist(),
                effects.standard_error.tolist(),
                effects.reliability.tolist(),
                strict=True,
            )
        ]
    elif kind == "fixed":
        columns = ["term", "estimate", "std_error", "statistic", "df", "p_value", "conf_low", "conf_high"]
        rows = [
            dict(
                zip(
                    columns,
                    (
                        one.name,
                        one.estimate,
                        one.standard_error,
                        one.t,
                        one.df,
                        one.p_value,
                        one.lower,
                        one.upper,
                    ),
                    strict=True,
                )
            )
            for one in told.fixed_effects(method, level).entries
        ]
    else:
        raise ValueError(f"kind must be 'fixed', 'random' or 'components', and is {kind!r}.")
    return pd.DataFrame(rows, columns=columns)


@checked
def glance(told: Inference) -> pd.DataFrame:
    """The fit in one row: size, log-likelihood, criteria, whether it converged.

    Args:
        told: the fit with its data.
    """
    import pandas as pd

    fit = told.fit
    return pd.DataFrame(
        [
            {
                "nobs": fit.n,
                "df_fixed": fit.p,
                "df_random": told.parameters,
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


@checked
def augment(told: Inference, frame: pd.DataFrame | None = None) -> pd.DataFrame:
    """The rows of the data with fitted values, residuals and Cook's distances.

    Args:
        told: the fit with its data.
        frame: the rows, to stand before what is added; None for none.

    Returns:
        "fitted" (with random effects), "fixed" (X beta), "residual", "pearson", "studentised" and "cooks",
        with a "_" behind where the frame has a column of that name.
    """
    import pandas as pd

    residuals = told.residuals
    added = {
        "fitted": residuals.fitted,
        "fixed": residuals.marginal_fitted,
        "residual": residuals.conditional,
        "pearson": residuals.conditional_pearson,
        "studentised": residuals.conditional_studentised,
        "cooks": told.influence().cooks,
    }
    found = pd.DataFrame(index=range(told.fit.n)) if frame is None else frame.reset_index(drop=True).copy()
    taken = set(found.columns)
    for name, values in added.items():
        found[f"{name}_" if name in taken else name] = values.tolist()
    return found
