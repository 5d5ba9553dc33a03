"""The fit of a document to a table, and what it would take."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from covstudio.arguments import checked
from covstudio.covariance import Matrix
from covstudio.data.tables import Table
from covstudio.document.build.built import Problem
from covstudio.document.model.derived import split_name
from covstudio.document.model.document import Document
from covstudio.estimate.covariances import EffectCovariance, effect_covariances
from covstudio.estimate.derived import Derivation, Quantity
from covstudio.estimate.inferred import Inferred, infer
from covstudio.estimate.model import ModelError, assemble, pinned
from covstudio.estimate.omitted import Omission
from covstudio.reml import Explanation, Fit, FitError, explain
from covstudio.reml.inference import Profile
from covstudio.reml.problem.iteration import Callback

__all__ = ["Estimate", "derive", "estimate", "outlook"]


@dataclass(frozen=True, eq=False)
class Estimate:
    """A fit of a document to a table.

    Attributes:
        fit: everything that was estimated.
        fixed_names: names of the fixed effects, in the order of `fit.beta`.
        values: (node id, parameter) -> natural estimate, for every parameter that is not fixed: what
            `SetParameters` takes.
        fixed_parameters: paths of the parameters that were constants.
        response: the column that was modelled.
        notes: which rows were left out and why.
        inferred: intervals, tests of fixed effects and reliabilities.
        derived: the document's derived quantities.
        profiles: parameter -> its profile likelihood, for those that were asked for.
        omissions: tests of terms of V that were asked for.
        references: factor -> the level that the effects of its others compare with.
        varcorr: variances, covariances and correlations of the random effects by name, and the residual
            variance.
    """

    fit: Fit
    fixed_names: tuple[str, ...]
    values: Mapping[tuple[str, str], float]
    fixed_parameters: tuple[str, ...] = ()
    response: str = ""
    notes: tuple[str, ...] = ()
    inferred: Inferred = field(default_factory=Inferred)
    derived: tuple[Quantity, ...] = ()
    profiles: Mapping[str, Profile] = field(default_factory=dict)
    omissions: tuple[Omission, ...] = ()
    references: Mapping[str, str] = field(default_factory=dict)
    varcorr: tuple[EffectCovariance, ...] = ()

    @property
    def method(self) -> str:
        """REML or ML."""
        return self.fit.method


@checked
def estimate(
    document: Document,
    table: Table | None,
    callback: Callback | None = None,
    max_iter: int = 100,
    *,
    fitted: Callable[[Fit], object] | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> Estimate:
    """Fit a document to a table, by restricted maximum likelihood unless the document asks for ML.

    Args:
        document: the model.
        table: the data.
        callback: called with each iteration; may raise `FitCancelled`.
        max_iter: the most iterations.
        fitted: called when the estimates are there and intervals and tests are still to come.
        stopped: asked between the steps after that; True raises `FitCancelled`.

    Returns:
        The estimates; picklable.

    Raises:
        ModelError: the model is not complete, or cannot be fitted to these data.
        FitCancelled: from the callback, or because of `stopped`.

    Example:
        >>> from covstudio.data.examples import load_example
        >>> from covstudio.document.changes.all import SetDerived
        >>> from covstudio.document.files.templates import templates
        >>> table = load_example("john_alpha")
        >>> document = templates()[0].document(table)
        >>> wanted = SetDerived(["h2 = genotype/sigma^2 / (genotype/sigma^2 + residual/sigma^2)"])
        >>> found = estimate(wanted.apply(document), table)
        >>> [round(value, 5) for value in found.values.values()]
        [0.1429, 0.07022, 0.08162]
        >>> found.fixed_names
        ('(Intercept)', 'rep[R2]', 'rep[R3]')
        >>> found.derived[0].name, round(found.derived[0].estimate, 4)
        ('h2', 0.6365)
    """
    parts = assemble(document, table)
    names = {node.id: node.name for node in document.nodes.values()}
    try:
        result = parts.fit(method=document.method, max_iter=max_iter, callback=callback)
    except FitError as error:
        raise ModelError(pinned(error, parts.refs), names) from error
    if result.recoded:
        # Parameters of another coding are none that the nodes could take.
        concerned = [ref for ref in parts.refs if ref.path.startswith(tuple(result.recoded))]
        told = (
            "The columns of this design are so far from zero that rounding error would drown the residual: "
            "centre the covariate, by subtracting its mean, and fit again."
        )
        raise ModelError(
            [Problem(node_id, told) for node_id in {ref.node_id: None for ref in concerned}], names
        )
    if fitted is not None:
        fitted(result)
    inferred = infer(parts, result, document.degrees_used, stopped)
    found = Estimate(
        fit=result,
        fixed_names=parts.fixed_names,
        values={(ref.node_id, ref.name): result.params[ref.path] for ref in parts.refs if not ref.fixed},
        fixed_parameters=tuple(ref.path for ref in parts.refs if ref.fixed),
        response=document.response or "",
        notes=parts.notes,
        inferred=inferred,
        derived=derive(parts.matrix, result, inferred, document.derived),
        references=parts.references,
        varcorr=effect_covariances(parts.matrix, result, inferred.covariance),
    )
    return found


def derive(matrix: Matrix, result: Fit, inferred: Inferred, texts: Sequence[str]) -> tuple[Quantity, ...]:
    """Functions of the parameters of a fit; the data are not needed.

    Args:
        matrix: the model of V that was fitted.
        result: its fit.
        inferred: its uncertainty.
        texts: expressions, each with a name before "=" or without.
    """
    if inferred.covariance is None:
        why = " ".join(inferred.notes) or "There is no covariance matrix of the estimates."
        return tuple(Quantity(text, split_name(text)[0], error=why) for text in texts)
    return Derivation(matrix, result, inferred.covariance).quantities(texts)


def outlook(matrix: Matrix, p: int) -> Explanation | str:
    """Which engine would fit V and what it would take, or why none can.

    Args:
        matrix: the model of V.
        p: number of fixed effects.
    """
    try:
        return explain(matrix, p=p)
    except FitError as error:
        return str(error)
