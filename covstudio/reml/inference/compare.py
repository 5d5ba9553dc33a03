"""`compare`: fits side by side."""

from __future__ import annotations

from collections.abc import Sequence

from covstudio.arguments import checked
from covstudio.reml.fitting.result import Fit
from covstudio.reml.inference.comparison import Candidate, Comparison, compare_candidates
from covstudio.reml.inference.inference import Inference

__all__ = ["compare"]


@checked(own=("models",))
def compare(
    *models: Fit | Inference, names: Sequence[str] | None = None, boundary: int | Sequence[int] | None = None
) -> Comparison:
    """Fits side by side: log-likelihood, AIC, BIC, conditional AIC, and likelihood-ratio tests.

    Args:
        models: fits or, so that X is checked and boundaries are counted, `Inference` objects; the smallest
            first. Each is tested against the one before it.
        names: for the table.
        boundary: how many of the parameters between two models are variances that are zero under the smaller
            one, for all tests or for each; None to count them: variances of random terms that the smaller
            model does not have, and of the columns by which a term is wider. Then it is also checked whether
            the models are nested (`covstudio.reml.inference.nesting`).

    Raises:
        InvalidData: the fits are not of the same response and rows, or by REML with different fixed effects.

    Example:
        >>> import torch
        >>> from covstudio.covariance import CovariancePropagation, DummyMatrix, ScalarMatrix, Sum
        >>> from covstudio.reml import Inference, compare, fit
        >>> y, x = torch.tensor([4.0, 6.0, 8.0, 7.0, 1.0, 3.0]), torch.ones(6, 1)
        >>> gen = CovariancePropagation(z=DummyMatrix(["a", "a", "b", "b", "c", "c"]), g=ScalarMatrix(3))
        >>> models = [Sum(gen=gen, residual=ScalarMatrix(6)), ScalarMatrix(6)]
        >>> large, small = (Inference(fit(v, y, x), v, y, x) for v in models)
        >>> test = compare(small, large).tests[0]
        >>> round(test.statistic, 4), test.df, test.boundary, round(test.p_value, 4)
        (3.0511, 1, 1, 0.0403)

    Reference:
        Self & Liang (1987), JASA 82:605; Stram & Lee (1994), Biometrics 50:1171.
    """
    if names is not None and len(names) != len(models):
        raise ValueError(f"there are {len(models)} fits and {len(names)} names: give one for each.")
    candidates = []
    for i, model in enumerate(models):
        name = names[i] if names is not None else ""
        if isinstance(model, Inference):
            value = model.conditional_aic.value
            candidates.append(Candidate(name, model.fit, model._binding, value))
        elif isinstance(model, Fit):
            candidates.append(Candidate(name, model))
        else:
            raise TypeError(f"compare takes fits and Inference objects, and got a {type(model).__name__}.")
    return compare_candidates(candidates, boundary)
