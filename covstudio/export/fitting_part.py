"""The part of a program that fits its model: the settings, and the function that prints the estimates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from covstudio.data.choices import TableChoices
from covstudio.data.errors import FormulaError
from covstudio.data.formula import parse_formula
from covstudio.data.tables import Table
from covstudio.document.build.used_columns import formula_names, used_columns
from covstudio.document.model.derived import split_name
from covstudio.document.model.document import Degrees, Document
from covstudio.export.source import block, literal, nested


@dataclass(frozen=True)
class FittingPart:
    """Settings and function of one program.

    Args:
        document: the model, with a response.
        table: the rows that it was built of, if there are any.
        roles: of the columns, as far as they are known.
        choices: what is said about the table.
        needs: called with a module and the names that are to be imported from it.
    """

    document: Document
    table: Table | None
    roles: Mapping[str, str]
    choices: TableChoices
    needs: Callable[..., None]

    def settings(self) -> str:
        """The constants that `print_fit` reads."""
        document = self.document
        self.needs("covstudio.data", "read_table")
        self.needs("covstudio.data.design", "complete_rows", "design_matrix", "response")
        self.needs("covstudio.reml", "Inference", "fit")
        table = self.table
        used = [name for name in used_columns(document) if table is None or name in table.columns]
        roles = ", ".join(f"{literal(name)}: {literal(role)}" for name, role in self._roles().items())
        lines = [
            "# What a fit needs: y, the formula of X, and the columns that a row must have a value in.",
            f"RESPONSE = {literal(document.response)}",
            f"FIXED_EFFECTS = {literal(document.fixed_effects)}",
            f"ROLES = {{{roles}}}",
            block("USED = ", used, ""),
        ]
        if not self._roles_known:
            self.needs("covstudio.data.roles", "completed_roles")
        if self.choices:
            self.needs("covstudio.data", "TableChoices")
            lines += ["", "# What is said about the table.", nested("CHOICES", self.choices.to_dict())]
        if document.derived:
            pairs = [split_name(text) for text in document.derived]
            entries = "".join(f"    ({literal(name)}, {literal(text)}),\n" for name, text in pairs)
            lines += [
                "",
                "# Functions of the parameters that are wanted with a fit.",
                f"DERIVED = [\n{entries}]",
            ]
        return "\n".join(lines)

    def _roles(self) -> dict[str, str]:
        """The roles of the columns in the formula, as far as they are known here."""
        columns = formula_names(self.document.fixed_effects)
        return {name: self.roles[name] for name in columns if name in self.roles}

    @property
    def _roles_known(self) -> bool:
        """Whether the roles of all columns in the formula are known here; if not, the program guesses."""
        return set(formula_names(self.document.fixed_effects)) <= set(self.roles)

    def function(self, used: Sequence[str]) -> str:
        """The function `print_fit`; `used` are the arguments of the program's `covariance`."""
        inputs = {
            "labels": "    labels = {name: table.labels(name) for name in LABELS}",
            "numbers": "    numbers = {name: table.numbers(name) for name in NUMBERS}",
            "rows": "    rows = table.n",
        }
        said = ", choices=TableChoices.from_dict(CHOICES)" if self.choices else ""
        roles = "ROLES" if self._roles_known else "roles"
        lines = [
            "def print_fit(path):",
            '    """Fit the model to the table in a csv file and print the estimates."""',
            "    try:",
            f"        table = read_table(path{said})",
            *([] if self._roles_known else ["        roles = completed_roles(table, ROLES, RESPONSE)"]),
            "        complete = complete_rows(table, USED)",
            "        for note in filter(None, (*table.notes, complete.note)):",
            "            print(note, file=sys.stderr)",
            "        table = complete.table",
            *(f"    {inputs[name]}" for name in used),
            "        y = response(table, RESPONSE).y",
            f"        design = design_matrix(table, FIXED_EFFECTS, {roles}{self._columns()})",
            *(["        y = y - design.offset"] if _has_offset(self.document) else []),
            *(_LEFT_OUT if self.document.drop_dependent else ()),
            f"        v = covariance({', '.join(used)})",
            f"        result = fit(v, y, design.x, x_names=design.names{self._method()})",
            "    except ValueError as error:",
            "        sys.exit(str(error))",
            "    errors = result.standard_errors",
            "    lines = [(name, value, errors[name]) for name, value in result.params.items()]",
            "    effects = result.beta_standard_errors.tolist()",
            "    told = tests = None",
            "    if result.converged:",
            "        try:",
            "            told = Inference(result, v, y, design.x, design.names)",
            *_tested(self.document.degrees_used),
            *_EFFECTS,
            "        except ValueError as error:",
            "            print(error, file=sys.stderr)",
            "    lines += zip(design.names, result.beta.tolist(), effects)",
            '    lines.append(("log-likelihood", result.loglik, ""))',
            "    width = max(len(name) for name, _, _ in lines)",
            "    print(f\"{'parameter':<{width}}  {'estimate':<24}  standard error\")",
            "    for name, value, error in lines:",
            '        print(f"{name:<{width}}  {value!r:<24}  {error}".rstrip())',
            "    print(result.message, file=sys.stderr)",
            '    print(f"standard errors from the {result.covariance.source}", file=sys.stderr)',
            "    if told is not None:",
            "        try:",
            *(_DERIVED if self.document.derived else ()),
            *_TESTS,
            "        except ValueError as error:",
            "            print(error, file=sys.stderr)",
        ]
        return "\n".join(lines)

    def _method(self) -> str:
        return "" if self.document.method == "REML" else f", method={literal(self.document.method)}"

    def _columns(self) -> str:
        return ", drop_dependent=True" if self.document.drop_dependent else ""


_LEFT_OUT = (
    "        if design.left_out:",
    '            print("Left out, depending on others:", ", ".join(design.left_out), file=sys.stderr)',
)


_DERIVED = (
    "            for name, expression in DERIVED:",
    "                found = told.function(expression)",
    '                print(f"{name} = {found.estimate!r}  standard error {found.standard_error}")',
)
_EFFECTS = ("            effects = [one.standard_error for one in tests.entries] if tests else []",)
_TESTS = (
    "            if tests is not None:",
    '                print("", tests, sep="\\n")',
    "            if tests is not None and design.outer_terms:",
    '                print("", told.wald_terms(design.outer_terms, tests.method), sep="\\n")',
)


def _tested(degrees: Degrees) -> tuple[str, ...]:
    """Lines that test fixed effects; by Satterthwaite where others cannot be had, as `covstudio fit` does."""
    first, otherwise = (
        f'tests = told.fixed_effects("{method}") if result.p else None'
        for method in (degrees, "satterthwaite")
    )
    if degrees == "satterthwaite":
        return (f"            {otherwise}",)
    return (
        "            try:",
        f"                {first}",
        "            except ValueError as error:",
        "                print(error, file=sys.stderr)",
        f"                {otherwise}",
    )


def _has_offset(document: Document) -> bool:
    try:
        return bool(parse_formula(document.fixed_effects).offsets)
    except FormulaError:
        return False
