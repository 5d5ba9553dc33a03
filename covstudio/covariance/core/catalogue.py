"""The catalogue: what every structure says about itself, declared once beside its class.

The palette, the inspector, the exporters and the documentation are all made from these declarations.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal, TypeVar, get_args

from covstudio.covariance.core.matrix import Matrix

__all__ = [
    "CATEGORIES",
    "Argument",
    "Declaration",
    "Slot",
    "UnknownStructure",
    "catalogue",
    "declaration",
    "declare",
    "meaning",
    "meaning_key",
]

ArgumentKind = Literal[
    "size", "integer", "number", "factors", "coordinates", "matrix", "relation", "indices", "choice", "flag"
]

#: Categories of the built-in structures, in the order of the catalogue; others follow after these.
CATEGORIES = (
    "Elementary",
    "Unstructured",
    "Time series",
    "Distance",
    "Kernels",
    "Variance functions",
    "Design",
    "Known",
    "User-defined",
    "Operators",
)


_KINDS: tuple[ArgumentKind, ...] = get_args(ArgumentKind)


class UnknownStructure(ValueError):
    """There is no structure of that name in the catalogue."""


@dataclass(frozen=True)
class Argument:
    """One constructor argument of a structure.

    Args:
        name: the keyword in the constructor.
        kind: "size" (an int that may follow the data), "integer", "number" (a float), "factors" (one or more
            columns of labels), "coordinates" (numeric column or columns), "matrix" (a literal 2-D array, or
            a second table), "relation" (a second table, of one of the kinds in `choices`), "indices"
            (positions counted from 0), "choice" or "flag".
        label: short label for a form.
        help: one sentence on what it means.
        default: value when left out; None when it has to be given.
        minimum: smallest value of a number.
        choices: the values of a "choice"; the kinds of second tables that a "relation" takes.
        form_default: what a form starts with, where that is another value than the constructor's default.
        optional: with the default None: the constructor decides when it is left out.
        columns: the smallest and the largest number of columns of "coordinates" (None: any).
        evenly_spaced: of a "size": it counts positions at equal steps, and the correlation of two depends on
            the number of steps between them.
        ordered: of a "size": it counts positions in an order, whatever lies between them, as antedependence
            does. Nothing of the kind is said of a size whose positions may change places, with parameters of
            their own or none.

    Raises:
        ValueError: unknown kind, or a choice without choices.

    Example:
        >>> Argument("n", "size", "Size", "Number of rows and columns", minimum=1).kind
        'size'
    """

    name: str
    kind: ArgumentKind
    label: str
    help: str
    default: Any = None
    minimum: float | None = None
    choices: tuple[str, ...] = ()
    optional: bool = False
    columns: tuple[int, int | None] = (1, 1)
    form_default: Any = None
    evenly_spaced: bool = False
    ordered: bool = False

    def __post_init__(self) -> None:
        if self.kind not in _KINDS:
            raise ValueError(f"argument {self.name!r}: expected a kind out of {_KINDS}, got {self.kind!r}.")
        if self.kind in ("choice", "relation") and not self.choices:
            raise ValueError(
                f"argument {self.name!r}: expected choices for the kind {self.kind!r}, got none."
            )


@dataclass(frozen=True)
class Slot:
    """One named operand of an operator with a fixed number of operands.

    Args:
        name: the operand's name, such as `"z"`; also the prefix of its parameters.
        label: short label.
        help: one sentence on what belongs there.

    Example:
        >>> Slot("z", "Design Z", "One column per effect").name
        'z'
    """

    name: str
    label: str
    help: str


#: A natural value at which a structure shows itself: see `Declaration.shown`.
Shown = float | Callable[..., float | None]
#: What a matrix is linear in: see `Declaration.linear`.
Linear = bool | Literal["affine", "separately"] | tuple[str, ...]


@dataclass(frozen=True)
class Declaration:
    """Everything a structure says about itself.

    Args:
        cls: the class.
        kind: "matrix" for a leaf, "operator" for a composite.
        title: what a reader calls it, such as "First-order autoregressive".
        category: its place in the palette; see `CATEGORIES`.
        formula: V in LaTeX, without dollar signs.
        symbol: a short unicode form for a node.
        summary: one sentence.
        arguments: constructor arguments, in order.
        slots: operands of an operator with a fixed number of them.
        variadic: an operator that takes any number of operands from `minimum_operands` on.
        minimum_operands: the smallest number of operands.
        aliases: the names other systems give it.
        keywords: what people look for it by who know none of its names, such as "random intercept".
        node: what a fresh node is called, where the name of the class would be no help.
        reference: the paper or book section of the formula.
        parameters: what each parameter means, by its name with indices as letters (`"lambda_i_k"`).
        usage: how to ask another system for it, a line or two of its language by system.
        psd: promised positive semi-definite for every theta; for an operator: it keeps its operands' promise.
        symmetric: promised V = V' for every theta though it is no covariance; a covariance always is.
        linear: whether V is a sum of natural parameters times constant matrices, or "affine" where a constant
            matrix is added. For an operator what it is linear in: True for all operands together,
            "separately" for each while the others stay, or names of slots, together while the others stay.
        exchangeable: V is the same in whatever order its rows and columns stand.
        scale: the natural parameter that V is proportional to, such as "sigma^2"; "" where there is none. An
            operator has its operands'.
        shown: natural values at which the structure shows itself, where it is diagonal at its defaults: by
            the names in `parameters`, a number or a function of the indices (None: the default). A drawing
            begins with them; fits and the library's defaults do not.
        palette: False for what cannot be built from a form.
        place: where it stands within its category: smaller numbers first, equal ones in order of declaration.
        example: builds a small instance.

    Raises:
        ValueError: a required text is empty, or what it is linear in, scaled by, or shown at, is none of its
            own.

    Example:
        >>> import covstudio.covariance as cov
        >>> ar1 = cov.declaration("AR1Matrix")
        >>> ar1.title, [argument.name for argument in ar1.arguments], ar1.aliases["SAS"]
        ('First-order autoregressive', ['n'], ('AR(1)',))
    """

    cls: type[Matrix]
    kind: Literal["matrix", "operator"]
    title: str
    category: str
    formula: str
    symbol: str
    summary: str
    example: Callable[[], Matrix]
    arguments: tuple[Argument, ...] = ()
    slots: tuple[Slot, ...] = ()
    variadic: bool = False
    minimum_operands: int = 0
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    keywords: tuple[str, ...] = ()
    node: str = ""
    reference: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    usage: Mapping[str, str] = field(default_factory=dict)
    psd: bool = False
    symmetric: bool = False
    linear: Linear = False
    scale: str = ""
    exchangeable: bool = False
    shown: Mapping[str, Shown] = field(default_factory=dict)
    palette: bool = True
    place: int = 100

    def __post_init__(self) -> None:
        for text in ("title", "category", "formula", "symbol", "summary"):
            if not getattr(self, text):
                raise ValueError(
                    f"{self.cls.__name__}: expected a {text} in its declaration, got an empty one."
                )
        known = {slot.name for slot in self.slots}
        wrong = ("separately",) if self.kind == "matrix" else ("affine",)
        if self.linear in wrong or (isinstance(self.linear, tuple) and self.kind == "matrix"):
            expected = "'affine'" if self.kind == "matrix" else "'separately' or names of slots"
            raise ValueError(
                f"{self.cls.__name__}: expected linear=True, False or {expected}, got {self.linear!r}."
            )
        if isinstance(self.linear, tuple) and not known.issuperset(self.linear):
            raise ValueError(
                f"{self.cls.__name__}: expected linear to name some of its slots {sorted(known)}, got "
                f"{self.linear!r}."
            )
        if self.scale and self.kind == "operator":
            raise ValueError(f"{self.cls.__name__}: expected no scale of an operator, got {self.scale!r}.")
        unknown = [name for name in self.shown if name not in self.parameters]
        if unknown:
            raise ValueError(
                f"{self.cls.__name__}: expected shown values of its parameters {sorted(self.parameters)}, "
                f"got one of {unknown[0]!r}."
            )
        if self.slots and not self.minimum_operands:
            object.__setattr__(self, "minimum_operands", len(self.slots))

    @property
    def name(self) -> str:
        """The class name; what a saved model calls the structure."""
        return self.cls.__name__


_REGISTER: dict[str, Declaration] = {}

M = TypeVar("M", bound="type[Matrix]")


def declare(**fields: Any) -> Callable[[M], M]:
    """Class decorator that enters a structure in the catalogue.

    Args:
        **fields: the fields of `Declaration` except `cls`; `kind` follows from the class.

    Returns:
        The decorator; it gives the class back unchanged.

    Raises:
        TypeError: an unknown or a missing field.
        ValueError: another class of that name is in the catalogue.

    Example:
        A structure of one's own takes its place beside the built-in ones.

        >>> import torch
        >>> from covstudio.covariance import Matrix, Parameter, TransformExp, catalogue, declare
        >>> @declare(title="Outer product of times", category="My models", formula="s t t'", symbol="s tt'",
        ...          summary="A random slope.", psd=True, example=lambda: Slope([0.0, 1.0]))
        ... class Slope(Matrix):
        ...     def __init__(self, times):
        ...         self.times = torch.tensor(times)
        ...         super().__init__((len(times), len(times)), {"s": Parameter("s", TransformExp())})
        ...     def evaluate(self, natural):
        ...         t = self.times.to(natural)
        ...         return natural[0] * torch.outer(t, t)
        >>> Slope([1.0, 2.0])()
        tensor([[1., 2.],
                [2., 4.]])
        >>> catalogue()[-1].name
        'Slope'
        >>> from covstudio.covariance.core.catalogue import withdraw
        >>> withdraw(Slope)
    """

    def register(cls: M) -> M:
        entry = Declaration(cls=cls, **{"kind": cls.role, **fields})
        present = _REGISTER.get(entry.name)
        if present is not None and _origin(present.cls) != _origin(cls):
            raise ValueError(
                f"expected a new name for {cls.__module__}.{cls.__qualname__}: the catalogue already has "
                f"{present.cls.__module__}.{present.cls.__qualname__}; rename the class."
            )
        # A class defined again in the same place (a notebook cell run twice) takes the place of the earlier
        # one.
        _REGISTER[entry.name] = entry
        cls._declaration = entry
        return cls

    return register


def withdraw(cls: type[Matrix]) -> None:
    """Take a structure out of the catalogue; nothing happens when it is not in it.

    Args:
        cls: the class.
    """
    if cls.__name__ in _REGISTER and _REGISTER[cls.__name__].cls is cls:
        del _REGISTER[cls.__name__]
        cls._declaration = None


def _origin(cls: type) -> tuple[str, str]:
    return cls.__module__, cls.__qualname__


def catalogue() -> tuple[Declaration, ...]:
    """All declared structures, grouped by category and there by their places.

    Returns:
        The declarations.

    Example:
        >>> from covstudio.covariance import catalogue
        >>> catalogue()[0].name
        'IdentityMatrix'
    """
    entries = list(_REGISTER.values())
    order = list(CATEGORIES)
    order += [entry.category for entry in entries if entry.category not in CATEGORIES]
    return tuple(sorted(entries, key=lambda entry: (order.index(entry.category), entry.place)))


def declaration(structure: str | type[Matrix]) -> Declaration:
    """The declaration of one structure.

    Args:
        structure: the class, or its name.

    Returns:
        Its declaration.

    Raises:
        UnknownStructure: the catalogue has no such structure; the message proposes close names.

    Example:
        >>> from covstudio.covariance import declaration
        >>> declaration("AR1Matrix").symbol
        'σ²ρ^|i−j|'
        >>> declaration("AR1Matrx")
        Traceback (most recent call last):
            ...
        covstudio.covariance.core.catalogue.UnknownStructure: expected a structure of the catalogue, got
        'AR1Matrx'; ...
    """
    name = structure if isinstance(structure, str) else structure.__name__
    entry = _REGISTER.get(name)
    if entry is not None and (isinstance(structure, str) or entry.cls is structure):
        return entry
    folded = {known.lower(): known for known in _REGISTER}
    close = [folded[match] for match in difflib.get_close_matches(name.lower(), folded, n=3)]
    hint = f"did you mean {' or '.join(close)}?" if close else "catalogue() lists them all."
    raise UnknownStructure(f"expected a structure of the catalogue, got {name!r}; {hint}")


def meaning_key(declared: Declaration, parameter: str) -> str | None:
    """The declared name that stands for a parameter, or None where nothing is declared for it.

    Args:
        declared: the structure.
        parameter: a name such as "sigma^2" or "lambda_2_1".

    Example:
        >>> from types import SimpleNamespace
        >>> declared = SimpleNamespace(parameters={"sigma^2": "Variance.", "lambda_i_k": "Loading."})
        >>> [meaning_key(declared, name) for name in ("sigma^2", "lambda_2_1", "rho")]
        ['sigma^2', 'lambda_i_k', None]
    """
    if parameter in declared.parameters:
        return parameter
    return next((key for key in declared.parameters if _pattern(key).fullmatch(parameter)), None)


def meaning(declared: Declaration, parameter: str) -> str:
    """What a parameter of a structure means, or "" where it is not declared.

    Args:
        declared: the structure.
        parameter: the parameter's own name, without a path.
    """
    key = meaning_key(declared, parameter)
    return "" if key is None else declared.parameters[key]


@lru_cache(maxsize=1024)
def _pattern(key: str) -> re.Pattern[str]:
    base, letters = re.fullmatch(r"(.*?)((?:_[a-z])*)", key).groups()  # type: ignore[union-attr]
    return re.compile(re.escape(base) + r"_\d+" * letters.count("_"))
