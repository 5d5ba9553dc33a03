"""The profile likelihood of single parameters, and the likelihood over two with the path of the search."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import interpolate, special

from covstudio.covariance.core.letters import parameter_label
from covstudio.plots.fitted import Array, FittedModel
from covstudio.plots.picture import FIT_PICTURES, Numbers, Picture
from covstudio.reml.inference.surface import Others

if TYPE_CHECKING:
    from covstudio.plots.sheet import Sheet

__all__ = ["contour", "profile"]

#: Parameters that are profiled at most.
PARAMETERS = 6
#: Probabilities of the regions of two parameters that are drawn.
REGIONS = (0.5, 0.8, 0.95, 0.99)


def spoken(path: str) -> str:
    """A parameter by its symbol and the node it belongs to.

    Example:
        >>> spoken("genotype/g/sigma^2"), spoken("rho")
        ('σ² of genotype/g', 'ρ')
    """
    owner, _, name = path.rpartition("/")
    return f"{parameter_label(name)}{f' of {owner}' if owner else ''}"


def profile(
    model: FittedModel, parameters: str | Sequence[str] | None = None, level: float = 0.95
) -> Numbers:
    """The profile likelihood of variance parameters, all others refitted at every point.

    Args:
        model: the fit with its data.
        parameters: paths, which may be shortened as in `Inference.function`; None for the first estimated.
        level: of the intervals.

    Returns:
        "parameter", "value", "loglik", "root" (signed root of twice the fall of the log-likelihood), and, the
        same in all rows of a parameter, "estimate", "lower", "upper".

    Raises:
        ValueError: there is no such parameter, or it was not estimated.
    """
    told = model.inference
    estimated = [entry.name for entry in told.intervals().entries if entry.name not in _fixed(model)]
    if parameters is not None and not parameters:
        raise ValueError(f"parameters names none: name some of {', '.join(map(repr, estimated))}.")
    wanted = [parameters] if isinstance(parameters, str) else list(parameters or estimated[:PARAMETERS])
    found = [told.profile(name, level) for name in wanted]
    frame = pd.DataFrame(
        [
            {
                "parameter": one.name,
                "value": point.value,
                "loglik": point.loglik,
                "root": point.root,
                "estimate": one.estimate,
                "lower": one.lower,
                "upper": one.upper,
            }
            for one in found
            for point in one.points
        ]
    )
    left_out = parameters is None and len(estimated) > PARAMETERS
    notes = (f"{PARAMETERS} of {len(estimated)} parameters",) if left_out else ()
    fall = float(special.chdtri(1, 1.0 - level)) / 2.0
    return Numbers(
        frame,
        f"Profile likelihood, {100 * level:g} % intervals",
        {"fall": "log-likelihood, from its maximum"},
        notes,
        {"fall": fall},
    )


def _fixed(model: FittedModel) -> set[str]:
    free = set(model.v.free_param_names)
    return {name for name in model.fit.params if name not in free}


def _draw_profile(numbers: Numbers, sheet: Sheet) -> Any:
    groups = list(numbers.frame.groupby("parameter", sort=False))
    panel = sheet if len(groups) == 1 else sheet.small
    found = []
    for path, own in groups:
        cut = -numbers.more["fall"]
        drawn = own.assign(fall=-0.5 * own["root"] ** 2)
        first = own.iloc[0]
        ends = [panel.upright(float(first[name])) for name in ("lower", "upper") if np.isfinite(first[name])]
        found.append(
            panel.together(
                [
                    panel.level(cut),
                    *ends,
                    panel.line(_between(own), "value", "fall"),
                    panel.points(drawn, "value", "fall", ["value", "loglik", "root"]),
                ],
                Numbers(own, numbers.title, {**numbers.labels, "value": spoken(str(path))}),
                "value",
                "fall",
                title=numbers.heading if len(groups) == 1 else spoken(str(path)),
                ylim=(1.6 * cut, -0.06 * cut),
            )
        )
    return found[0] if len(found) == 1 else sheet.beside(found, numbers.heading)


def _between(points: pd.DataFrame) -> pd.DataFrame:
    """A profile between its points: the signed root, nearly straight, is followed without a bend too many."""
    value, root = (points[name].to_numpy(dtype=float) for name in ("value", "root"))
    if len(value) < 3:
        return points.assign(fall=-0.5 * root**2)
    places = np.unique(np.concatenate([value, np.linspace(value[0], value[-1], 200)]))
    return pd.DataFrame(
        {"value": places, "fall": -0.5 * interpolate.PchipInterpolator(value, root)(places) ** 2}
    )


def contour(
    model: FittedModel,
    first: str | None = None,
    second: str | None = None,
    count: int = 13,
    others: Others = "refitted",
    x: Sequence[float] | None = None,
    y: Sequence[float] | None = None,
) -> Numbers:
    """The log-likelihood over two parameters, and the path that the search took.

    Args:
        model: the fit with its data.
        first: path of a parameter, which may be shortened as in `Inference.function`; None for the first
            that was estimated.
        second: path of another; None for the next.
        count: values of each.
        others: whether all other parameters are "refitted" at every place or "held" at their estimates.
        x: values of the first; None for a range about the estimate.
        y: values of the second, likewise.

    Returns:
        "what" ("surface" or "path"), the two parameters by their paths, "loglik", and "fall", twice the fall
        from the maximum.

    Raises:
        ValueError: there is no such parameter, or it was not estimated.
    """
    told = model.inference
    estimated = [entry.name for entry in told.intervals().entries if entry.name not in _fixed(model)]
    if len(estimated) < 2:
        raise ValueError("a contour needs two estimated parameters, and V has one: take the profile.")
    given = [name for name in (first, second) if name is not None]
    rest = [name for name in estimated if name not in given]
    a, b = (name if name is not None else rest.pop(0) for name in (first, second))
    found = told.surface(a, b, x=x, y=y, count=count, others=others)
    surface = pd.DataFrame(found.table()).assign(what="surface")
    steps = model.fit.history
    path = pd.DataFrame(
        [
            {**{name: step.params[name] for name in found.names}, "loglik": step.loglik, "what": "path"}
            for step in steps
        ],
        columns=[*found.names, "loglik", "what"],
    )
    frame = pd.concat([surface, path], ignore_index=True)
    frame["fall"] = 2.0 * (found.maximum - frame["loglik"])
    frame = frame[["what", *found.names, "loglik", "fall"]]
    percents = ", ".join(f"{100 * share:g}" for share in REGIONS)
    return Numbers(
        frame,
        f"Log-likelihood over two parameters, the others {others}",
        {"x": spoken(found.names[0]), "y": spoken(found.names[1])},
        (f"regions of {percents} %; the line is the path of the search",),
        {"surface": found, "names": found.names},
    )


def _draw_contour(numbers: Numbers, sheet: Sheet) -> Any:
    found = numbers.more["surface"]
    across, up, falls = _finer(found.x, found.y, 2.0 * (found.maximum - found.loglik))
    levels = [float(special.chdtri(2, 1.0 - share)) for share in REGIONS]
    names = list(numbers.more["names"])
    path = numbers.frame[numbers.frame["what"] == "path"].rename(
        columns=dict(zip(names, ("x", "y"), strict=True))
    )
    path = path.assign(step=np.arange(len(path)))
    here = pd.DataFrame({"x": [found.estimate[0]], "y": [found.estimate[1]]})
    return sheet.together(
        [
            sheet.contours(across, up, falls, levels, "twice the fall"),
            sheet.line(path, "x", "y", second=True),
            sheet.points(path, "x", "y", ["step", "x", "y", "loglik"], second=True),
            sheet.points(here, "x", "y"),
        ],
        numbers,
        "x",
        "y",
        xlim=(min(found.x[0], path["x"].min()), max(found.x[-1], path["x"].max())),
        ylim=(min(found.y[0], path["y"].min()), max(found.y[-1], path["y"].max())),
    )


def _finer(x: Array, y: Array, falls: Array) -> tuple[Array, Array, Array]:
    """A surface at ten times as many places, by cubic splines; as it is, where a place has no value."""
    if np.isnan(falls).any() or min(falls.shape) < 4:
        return x, y, falls
    surface = interpolate.RectBivariateSpline(np.arange(len(y)), np.arange(len(x)), falls)
    down, along = (np.linspace(0, len(axis) - 1, 10 * len(axis)) for axis in (y, x))
    across, up = (np.interp(at, np.arange(len(axis)), axis) for at, axis in ((along, x), (down, y)))
    return across, up, surface(down, along)


FIT_PICTURES.register(
    Picture("profile", "the profile likelihood of single parameters", profile, _draw_profile, 8)
)
FIT_PICTURES.register(
    Picture(
        "contour", "the likelihood over two parameters, with the search's path", contour, _draw_contour, 9
    )
)
