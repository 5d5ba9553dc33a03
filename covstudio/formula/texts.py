"""Whole texts: a formula, a call of R, a step of PROC MIXED."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from covstudio.arguments import checked
from covstudio.data.frames import Frame, table_of
from covstudio.data.roles import Role
from covstudio.formula.dialect import DIALECTS, Dialect
from covstudio.formula.reading import Reading, read_formula
from covstudio.formula.refusals import Refusal
from covstudio.formula.syntax import Call, Name, Node, Text, parse
from covstudio.formula.words import foreign

__all__ = ["read"]

#: Arguments of R's functions that say nothing about the model.
_IGNORED = frozenset(
    [
        "ziformula",
        "data",
        "na.action",
        "control",
        "verbose",
        "start",
        "trace",
        "keep.data",
        "maxit",
        "maxiter",
        "workspace",
        "devFunOnly",
        "doFit",
        "se",
        "sparseX",
    ]
)
#: Names that formulas have in R's functions, and the text that each is here.
_FORMULAS = {"fixed": "formula", "model": "formula", "rcov": "residual"}

#: The arguments of R's functions in their order, where it is another than formula and data.
_ORDER = {
    "lme": ("formula", "data", "random", "correlation", "weights"),
    "gls": ("formula", "data", "correlation", "weights"),
    "lmer": ("formula", "data", "REML"),
    "asreml": ("formula", "random", "sparse", "residual"),
}
_ASSIGNED = re.compile(r"\s*(?:[^\W\d]|\.)[\w.]*\s*(?:<-|=(?!=))")


@checked
def read(
    text: str,
    data: Frame | None = None,
    *,
    dialect: str | None = None,
    method: str | None = None,
    matrices: Mapping[str, Any] | None = None,
    known: Mapping[str, Any] | None = None,
    roles: Mapping[str, Role] | None = None,
    errors: Any = None,
    **texts: str,
) -> Reading:
    """Read a formula, a whole call of R or a step of PROC MIXED into the document that it means.

    Args:
        text: such as "yield ~ rep + (1 | gen)", "lme(distance ~ age, random = ~ age | Subject)" or
            "proc mixed; class gen; model yield = rep; random gen; run;".
        data: the table that it is about. Without one, columns are numbers unless they are used as groups.
        dialect: "lme4" (the default for a formula alone), "glmmTMB", "nlme", "asreml" or "sas".
        method: "REML" or "ML", in place of what the text says.
        matrices: second tables by name, such as K of `vm(gen, K)`: pedigrees, markers, relationship
            matrices or inverses (see `covstudio.data.relation_of`).
        known: group -> a second table with the relationships of its levels, or the name of one of `matrices`.
        roles: "factor" or "covariate" for columns that are not what they look like.
        errors: where the variances of the errors are known, the name of a column that has them, or their
            covariance matrix (see `covstudio.fit`).
        **texts: what the system takes beside the formula, such as `random`, as text.

    Returns:
        The reading; its `document` can be fitted, saved, exported and opened in the app.

    Raises:
        Refusal: something is not read; the word, its place and what would do.

    Example:
        >>> from covstudio.formula import read
        >>> reading = read("lmer(Reaction ~ Days + (Days | Subject), data = sleepstudy)")
        >>> reading.dialect, reading.document.response, reading.data
        ('lme4', 'Reaction', 'sleepstudy')
        >>> [node.kind for node in reading.document.nodes.values()][:3]
        ['Sum', 'CovariancePropagation', 'ScalarMatrix']
    """
    table = None if data is None else table_of(data)
    if not _is_sas(text) and (assigned := _ASSIGNED.match(text)):
        # A name that the fit is given in R; blanks in its stead keep the places.
        text = " " * assigned.end() + text[assigned.end() :]
    tree = None if _is_sas(text) else parse(text)
    call = _call(tree) if tree is not None else None
    if call is None:
        chosen = dialect or ("sas" if tree is None else "lme4")
        own_texts = {"formula": text, **texts}
        return read_formula(own_texts, table, chosen, method, matrices, known, roles=roles, errors=errors)
    found, own = _function(call)
    arguments, used, named = _arguments(text, call, found)
    if dialect is not None and dialect.casefold() != found.name.casefold():
        raise Refusal(
            call.function,
            call.start + 1,
            f"this is a function of {found.title}, and dialect={dialect!r} is given",
            "Leave out one of them.",
        )
    return read_formula(
        {**arguments, **texts},
        table,
        found.name,
        method or used or own,
        matrices,
        known,
        named,
        roles,
        errors,
    )


def _is_sas(text: str) -> bool:
    return text.lstrip().casefold().startswith("proc ")


def _call(tree: Node) -> Call | None:
    """The call that a text is, or None for a formula."""
    return tree if isinstance(tree, Call) else None


def _function(call: Call) -> tuple[Dialect, str]:
    bare = call.function.rpartition(":")[2]
    for dialect in DIALECTS:
        for name, method in dialect.functions.items():
            if name == bare:
                return dialect, method
    names = [name for dialect in DIALECTS for name in dialect.functions]
    raise foreign(call.function, call.start + 1, "lme4", f"The functions are {', '.join(names)}.")


def _arguments(text: str, call: Call, dialect: Dialect) -> tuple[dict[str, str], str | None, str]:
    """The texts of a call by name, the method it asks for, and the name of its data."""
    found: dict[str, str] = {}
    method, data = None, ""
    named = {_FORMULAS.get(key, key) for key, _ in call.arguments if key}
    order = _ORDER.get(call.function.rpartition(":")[2], ("formula", "data"))
    plain = [name for name in order if name not in named]
    for key, node in call.arguments:
        name = _FORMULAS.get(key, key) or (plain.pop(0) if plain else "")
        # As many blanks before it as there are characters: places are those of the whole text.
        written = " " * node.start + text[node.start : node.end]
        if name == "data":
            data = node.text if isinstance(node, Name | Text) else ""
        elif name in ("REML", "method"):
            method = _method(node)
        elif name == "subset":
            raise Refusal(name, node.start + 1, "rows are not chosen in a call", "Choose them in the table.")
        elif name == "family" or (name == "ziformula" and "".join(written.split()) != "~0"):
            if name != "family" or not _is_gaussian(node):
                raise Refusal(
                    name,
                    node.start + 1,
                    "a generalised response is not fitted here",
                    "Use the Gaussian family, on a scale where the response is about normal.",
                )
        elif name in _IGNORED:
            continue
        elif name == "formula" or name in dialect.options:
            found[name] = written
        else:
            raise Refusal(
                name or text[node.start : node.end],
                node.start + 1,
                f"{call.function} is not read with this argument",
                f"Beside the formula and the data, write {', '.join([*dialect.options, 'REML or method'])}.",
            )
    return found, method, data


def _method(node: Node) -> str:
    said = node.text if isinstance(node, Text | Name) else ""
    known = {"TRUE": "REML", "T": "REML", "FALSE": "ML", "F": "ML", "REML": "REML", "ML": "ML"}
    if said not in known:
        raise Refusal(
            said or "method", node.start + 1, "a model is fitted by REML or ML", "Write one of them."
        )
    return known[said]


def _is_gaussian(node: Node) -> bool:
    name = node.text if isinstance(node, Text | Name) else node.function if isinstance(node, Call) else ""
    return name == "gaussian"
