r"""V as a formula: the tree in mathematical symbols, what each of them stands for, and its values.

A tree is opened where `covstudio.covariance.linalg.composition` opens it: sums, products, Z G Z', blocks.
What is not opened further has a symbol of its own, and a line that defines it by the formula of its
declaration.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor

from covstudio.covariance import linalg
from covstudio.covariance.core.matrix import Matrix

__all__ = ["Definition", "Equation", "equation_of"]

#: Values that one definition lists at most.
VALUES = 12
#: Terms of V on one line of its LaTeX.
LINE = 3
_GREEK = frozenset(
    [
        "alpha",
        "beta",
        "gamma",
        "delta",
        "epsilon",
        "zeta",
        "eta",
        "theta",
        "kappa",
        "lambda",
        "mu",
        "nu",
        "xi",
        "pi",
        "rho",
        "sigma",
        "tau",
        "phi",
        "chi",
        "psi",
        "omega",
    ]
)
#: Characters that stand for names while a formula is put together: names are whatever people call things.
_NAMES = 0xE000
_NAME = re.compile("[\ue000-\uf8ff]")
#: What LaTeX would take for something else within a text.
_SPECIAL = {
    "\\": "\N{SET MINUS}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": "\N{MODIFIER LETTER CIRCUMFLEX ACCENT}",
    "~": "\N{TILDE OPERATOR}",
}
_TOP = r"^{\top}"


@dataclass(frozen=True)
class Definition:
    """What a symbol of a formula stands for.

    Attributes:
        formula: the symbol and what it is, as LaTeX; its names are characters, see `Equation.names`.
        values: values of its parameters, likewise.
        words: what it is, in words.
        more: how many values are left out.
    """

    formula: str
    values: tuple[str, ...]
    words: str
    more: int = 0


@dataclass(frozen=True)
class Equation:
    """V as a formula.

    Attributes:
        terms: what V is the sum of, as LaTeX; one where it is no sum.
        definitions: what their symbols stand for.
        names: the names of nodes, which stand in formulas as characters from U+E000 on.
    """

    terms: tuple[str, ...]
    definitions: tuple[Definition, ...]
    names: tuple[str, ...]

    @property
    def latex(self) -> str:
        """Everything as LaTeX: V, then a line for each definition with its values.

        Example:
            >>> from covstudio.covariance import ScalarMatrix
            >>> print(equation_of(ScalarMatrix(3), {"sigma^2": 1.25}).latex)
            \\mathbf{V} = \\sigma^{2} \\mathbf{I}_n, \\quad \\sigma^{2} = 1.25
        """
        lines = [self.sum] if self.terms else []
        for one in self.definitions:
            values = ", \\; ".join([*one.values, *(["\\ldots"] if one.more else [])])
            lines.append(one.formula + (f", \\quad {values}" if values else ""))
        if len(lines) == 1:
            return self.written(lines[0])
        joined = " \\\\\n".join(f"& {line}" for line in lines)
        return self.written(f"\\begin{{aligned}}\n{joined}\n\\end{{aligned}}")

    @property
    def sum(self) -> str:
        """V as the sum of its terms, as LaTeX of one line, or of several under each other."""
        lines = [" + ".join(self.terms[k : k + LINE]) for k in range(0, len(self.terms), LINE)]
        return "\\mathbf{V} = " + " \\\\\n& \\quad + ".join(lines)

    def written(self, formula: str) -> str:
        """A formula with its names written out."""
        return _NAME.sub(lambda found: _escaped(self.name(found[0])), formula)

    def name(self, character: str) -> str:
        """The name that a character stands for."""
        place = ord(character) - _NAMES
        return self.names[place] if place < len(self.names) else "\N{REPLACEMENT CHARACTER}"


def equation_of(v: Matrix, values: Mapping[str, float]) -> Equation:
    """A matrix as a formula with its values.

    Args:
        v: the tree.
        values: natural values of its parameters, by their paths.

    Example:
        >>> from covstudio.covariance import CovariancePropagation, DummyMatrix, ScalarMatrix, Sum
        >>> z = DummyMatrix(["a", "b", "a"])
        >>> v = Sum(gen=CovariancePropagation(z=z, g=ScalarMatrix(2)), error=ScalarMatrix(3))
        >>> found = equation_of(v, {"gen/g/sigma^2": 0.5, "error/sigma^2": 0.25})
        >>> print(found.written(found.terms[0]))
        \\mathbf{Z}_{\\text{gen}} \\mathbf{G}_{\\text{gen}} \\mathbf{Z}_{\\text{gen}}^{\\top}
    """
    found = _Symbols(values)
    terms = found.terms(v)
    return Equation(terms, tuple(found.definitions), tuple(found.names))


@dataclass
class _Symbols:
    """The symbols of a formula while it is put together."""

    values: Mapping[str, float]
    names: list[str] = field(default_factory=list)
    definitions: list[Definition] = field(default_factory=list)
    _taken: dict[str, str] = field(default_factory=dict)

    def terms(self, v: Matrix) -> tuple[str, ...]:
        """The terms of the sum that V is; none where V is one structure, which defines itself."""
        made = linalg.composition(v) if _opens(v) else None
        if made is None:
            self._define(v, "", "\\mathbf{V}")
            return ()
        if made.how != "sum":
            return (self._of(v, "", 0),)
        return tuple(self._of(part.operand, part.name, 1) for part in made.parts)

    def _of(self, operand: Matrix | Tensor, path: str, within: int) -> str:
        """A part as LaTeX: 0 stands free, 1 in a sum, 2 in a product."""
        made = linalg.composition(operand) if isinstance(operand, Matrix) and _opens(operand) else None
        if made is None:
            return self._symbol(operand, path)
        below = [f"{path}/{part.name}" if path else part.name for part in made.parts]
        pairs = list(zip((part.operand for part in made.parts), below, strict=True))
        if made.how == "sum":
            whole = " + ".join(self._of(one, own, 1) for one, own in pairs)
            return _bracketed(whole) if within == 2 else whole
        if made.how == "congruence":
            a, b = (self._of(one, own, 2) for one, own in pairs)
            product = f"{a} {b} {a}{_TOP}"
            return _bracketed(product) if within == 2 else product
        if made.how in ("beside", "below"):
            joint = " & " if made.how == "beside" else " \\\\ "
            rows = joint.join(self._of(one, own, 0) for one, own in pairs)
            return f"\\begin{{bmatrix}} {rows} \\end{{bmatrix}}"
        if made.how == "selection":
            return f"\\left[ {self._of(*pairs[0], 0)} \\right]_{{u u}}"
        joint = {
            "direct sum": " \\oplus ",
            "kronecker product": " \\otimes ",
            "entrywise product": " \\odot ",
            "rowwise product": " \\bullet ",
            "multiple": " \\, ",
        }[made.how]
        whole = joint.join(self._of(one, own, 2) for one, own in pairs)
        return _bracketed(whole) if within == 2 else whole

    def _symbol(self, operand: Matrix | Tensor, path: str) -> str:
        """The symbol of a part, defined the first time."""
        names = path.split("/")
        slots: list[str] = []
        while names and len(names[-1]) == 1 and names[-1].isalpha():
            slots.insert(0, names.pop())
        # G of a term, and its first and second factor: G, G1 and G2.
        letter = slots[0].upper() if slots else "V" if operand.shape[0] == operand.shape[1] else "Z"
        places = "".join(str(ord(slot.lower()) - ord("a") + 1) for slot in slots[1:])
        owner = names[-1] if names else ""
        if self._taken.setdefault(f"{letter}{places} {owner}", path) != path:
            owner = path
            self._taken[f"{letter}{places} {owner}"] = path
        below = ",".join([*([places] if places else []), *([self._text(owner)] if owner else [])])
        symbol = f"\\mathbf{{{letter}}}" + (f"_{{{below}}}" if below else "")
        self._define(operand, path, symbol)
        return symbol

    def _define(self, operand: Matrix | Tensor, path: str, symbol: str) -> None:
        if any(one.formula.startswith(symbol) for one in self.definitions):
            return
        size = " × ".join(f"{n:,}" for n in operand.shape)
        if not isinstance(operand, Matrix):
            self.definitions.append(Definition(symbol, (), f"a constant matrix, {size}"))
            return
        declared = operand.governing_declaration()
        title = type(operand).__name__ if declared is None else declared.title
        formula = symbol if declared is None else _about(declared.formula, symbol)
        whole = [f"{path}/{name}" if path else name for name in operand.param_names]
        known = [
            (name, self.values[one])
            for name, one in zip(operand.param_names, whole, strict=True)
            if one in self.values
        ]
        values = tuple(f"{self._parameter(name)} = {_number(value)}" for name, value in known[:VALUES])
        self.definitions.append(Definition(formula, values, f"{title}, {size}", max(0, len(known) - VALUES)))

    def _parameter(self, name: str) -> str:
        """A parameter as LaTeX; whose it is, where it is of an operand that was not opened."""
        *owners, own = name.split("/")
        base, *indices = own.split("_")
        power = "^{2}" if base.endswith("^2") else ""
        stem = base.removesuffix("^2")
        plain = len(stem) == 1 and stem.isascii() and stem.isalpha()
        symbol = f"\\{stem}" if stem in _GREEK else stem if plain else self._text(stem)
        below = [one if one.isascii() and one.isalnum() else self._text(one) for one in indices if one]
        below += [self._text(" ".join(owners))] if owners else []
        return symbol + power + (f"_{{{','.join(below)}}}" if below else "")

    def _text(self, words: str) -> str:
        """A name in a formula."""
        if words not in self.names:
            self.names.append(words)
        return f"\\text{{{chr(_NAMES + self.names.index(words))}}}"


def _opens(operand: Matrix) -> bool:
    """Whether a matrix is opened: an operator, whose parts all have names that people gave them or slots."""
    declared = operand.governing_declaration()
    made = linalg.composition(operand)
    return (
        made is not None
        and (declared is None or declared.kind == "operator")
        and all(part.name for part in made.parts)
    )


def _about(formula: str, symbol: str) -> str:
    """The formula of a declaration, which is about V or Z, about a symbol."""
    powers = re.sub(r"\^2(?![0-9])", "^{2}", formula)
    head, equals, rest = powers.partition("=")
    for letter in ("V", "Z", "L"):
        head = head.replace(f"\\mathbf{{{letter}}}", symbol)
        head = re.sub(rf"(?<![A-Za-z\\{{]){letter}_\{{", lambda _: f"[{symbol}]_{{", head)
    return f"{head}{equals}{rest}"


def _bracketed(formula: str) -> str:
    return f"\\left( {formula} \\right)"


def _number(value: float) -> str:
    """A value in four digits."""
    short = f"{value:.4g}"
    mantissa, e, exponent = short.partition("e")
    if short in ("inf", "-inf"):
        return short.replace("inf", "\\infty")
    return f"{mantissa} \\cdot 10^{{{int(exponent)}}}" if e else mantissa


def _escaped(name: str) -> str:
    """A name within a text of LaTeX."""
    plain = "".join(char if char.isprintable() else " " for char in name)
    return "".join(_SPECIAL.get(char, char) for char in plain)
