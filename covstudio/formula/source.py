"""The text that is read, beside the table that it is about: its columns, by name and place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from covstudio.data.choices import CONTRAST_NAMES, TableChoices
from covstudio.data.computed import column_of, position_in
from covstudio.data.design import design_matrix
from covstudio.data.errors import FormulaError, shown, suggestion
from covstudio.data.expressions import ELEMENTWISE
from covstudio.data.formula import parse_formula, quote_name
from covstudio.data.functions import FACTORS, LEARNED, parse_function
from covstudio.data.numerals import number
from covstudio.data.roles import Role
from covstudio.data.steps import Compute
from covstudio.data.tables import Table
from covstudio.data.text import plain_name
from covstudio.formula.refusals import Refusal
from covstudio.formula.syntax import Call, Name, Node, Number, Operation, Sum, Text, parse, summands
from covstudio.formula.words import foreign

_CONSTANTS = frozenset(["pi", "TRUE", "FALSE", "T", "F"])

__all__ = ["Source", "Study", "children", "unwrapped"]

#: Functions of columns that formulas may hold.
FUNCTIONS = frozenset([*ELEMENTWISE, *LEARNED, *FACTORS, "offset"])


def children(node: Node) -> tuple[Node, ...]:
    """The parts of a node."""
    if isinstance(node, Call):
        return tuple(argument for _, argument in node.arguments)
    if isinstance(node, Operation):
        return node.operands
    return tuple(part for _, part in node.parts) if isinstance(node, Sum) else ()


def unwrapped(node: Node) -> Node:
    """A node without the brackets around it."""
    while isinstance(node, Operation) and node.operator == "(":
        node = node.operands[0]
    return node


class Study:
    """What several texts about one table have in common: its columns, and what is computed of them.

    Args:
        table: the data; without them, names are taken as they come.
        dialect: the system whose words are read, for messages.
        said: what somebody has said that columns are.
    """

    def __init__(self, table: Table | None, dialect: str, said: Mapping[str, Role] | None = None) -> None:
        self.table, self.dialect = table, dialect
        self.said = dict(said or {})
        self.choices = TableChoices() if table is None else table.choices
        self.roles: dict[str, Role] = {}
        #: Columns that are used as groups, or said to be factors.
        self.labels: set[str] = set()
        self._under: tuple[TableChoices, Table] | None = None

    @property
    def under(self) -> Table | None:
        """The table with what was computed so far."""
        if self.table is None:
            return None
        if self._under is None or self._under[0] != self.choices:
            self._under = self.choices, self.table.with_choices(self.choices)
        return self._under[1]

    def is_factor(self, column: str) -> bool:
        """Whether a column is a factor: as somebody has said, or else text is, and numbers are not.

        Without a table, what is used as a group is one.
        """
        if column in self.said:
            return self.said[column] == "factor"
        under = self.under
        if under is None:
            return column in self.labels
        return not under.is_numeric(column) and not under.is_time(column)

    def computed(self, wanted: str, text: str) -> str:
        """The name of a column that is computed; the same for the same text."""
        name, number = plain_name(wanted), 2
        taken = () if self.table is None else self.table.columns
        while self.choices.computed.get(name, text) != text or (
            name in taken and name not in self.choices.computed
        ):
            name, number = f"{plain_name(wanted)} {number}", number + 1
        self.choices = self.choices.and_step(Compute(name, text))
        return name

    def position(self, groups: Sequence[str], given: Sequence[str]) -> str:
        """The column with the place of each row within its group."""
        of = ":".join(groups)
        return self.computed(f"row in {of}" if of else "row", position_in(groups, given))

    def indicator(self, column: str, level: str) -> str:
        """The column that is 1 in the rows with a level of a factor, and 0 in all others."""
        name = f"{column}[{level}]"
        text = f"0 + factor({quote_name(column)})"
        return self.computed(name, column_of(text, f"factor({quote_name(column)})[{level}]"))

    def use(self, columns: Mapping[str, Role]) -> None:
        """Take columns in a role; what was said first stands."""
        for name, role in columns.items():
            self.roles.setdefault(name, role)


class Source:
    """One text, parsed, with questions about its parts.

    Args:
        text: the text.
        study: what it is about.
        what: what it is called in messages, such as "random".
    """

    def __init__(self, text: str, study: Study, what: str = "formula") -> None:
        self.text, self.study, self.what = text, study, what
        self.tree = parse(text)

    def slice(self, node: Node) -> str:
        """A node as it is written, on one line."""
        return " ".join(self.text[node.start : node.end].split())

    def refuse(self, node: Node, why: str, remedy: str) -> Refusal:
        """A refusal of a node."""
        word = node.function if isinstance(node, Call) else self.slice(node)
        return Refusal(word, node.start + 1, why, remedy)

    def unknown(self, call: Call, remedy: str) -> Refusal:
        """A refusal of a function that this dialect has not."""
        return foreign(call.function, call.start + 1, self.study.dialect, remedy)

    # --- columns ---

    def column(self, node: Node) -> str:
        """The column that a name stands for; `factor(x)` is x as labels.

        Raises:
            Refusal: it is no name, or there is no such column.
        """
        node = unwrapped(node)
        if isinstance(node, Call) and node.function in FACTORS and len(node.arguments) == 1:
            name = self.column(node.arguments[0][1])
            self.study.labels.add(name)
            return name
        if not isinstance(node, Name):
            raise self.refuse(
                node, "the name of a column is expected", "Compute it in the table, and name it."
            )
        if node.text == ".":
            raise self.refuse(node, "the dot stands for all other columns", "Name the columns.")
        table = self.study.table
        if table is not None and node.text not in self.study.choices.computed:
            self._require(node, table)
        return node.text

    def _require(self, node: Name, table: Table) -> None:
        if node.text not in table.columns and plain_name(node.text) not in table.columns:
            raise self.refuse(
                node,
                f"there is no such column in {shown(table.name)}",
                suggestion(node.text, table.columns),
            )

    def group(self, node: Node) -> tuple[str, ...]:
        """The columns whose combinations are the groups: `g`, `a:b`, `interaction(a, b)`."""
        node = unwrapped(node)
        if isinstance(node, Operation) and node.operator in (":", "%in%"):
            columns = [column for operand in node.operands for column in self.group(operand)]
        elif isinstance(node, Call) and node.function == "interaction":
            columns = [column for _, operand in node.arguments for column in self.group(operand)]
        else:
            columns = [self.column(node)]
        self.study.labels.update(columns)
        return tuple(dict.fromkeys(columns))

    def nested(self, node: Node) -> list[tuple[str, ...]]:
        """The groups of `a/b`: a, and b within a; of anything else one."""
        node = unwrapped(node)
        if isinstance(node, Operation) and node.operator == "/":
            outer = self.nested(node.operands[0])
            return [*outer, *((*outer[-1], *inner) for inner in self.nested(node.operands[1]))]
        return [self.group(node)]

    def names(self, node: Node) -> Iterator[Name]:
        """The columns named anywhere below a node, and in it."""
        waiting = [node]
        while waiting:
            one = waiting.pop()
            if isinstance(one, Name):
                if not self._is_constant(one):
                    yield one
            elif isinstance(one, Call) and one.function == "C":
                waiting.extend(part for _, part in one.arguments[:1])
            elif isinstance(one, Call) and one.function in FUNCTIONS:
                waiting.extend(part for key, part in one.arguments if not key or key == "x")
            else:
                waiting.extend(reversed(children(one)))

    def _is_constant(self, node: Name) -> bool:
        """Whether a name is pi, TRUE or FALSE, and no column."""
        table = self.study.table
        return node.text in _CONSTANTS and (table is None or node.text not in table.columns)

    # --- numbers, flags ---

    def number(self, node: Node) -> float:
        """A number."""
        found = unwrapped(node)
        if isinstance(found, Number):
            return found.value
        raise self.refuse(node, "a number is expected", "Write it out.")

    def flag(self, node: Node | None, otherwise: bool) -> bool:
        """TRUE or FALSE."""
        if node is None:
            return otherwise
        found = {"TRUE": True, "T": True, "FALSE": False, "F": False}.get(self.slice(node))
        if found is None:
            raise self.refuse(node, "TRUE or FALSE is expected", "Write one of them.")
        return found

    # --- fixed effects ---

    def response(self, node: Node) -> str:
        """The column that is explained, computed where it is an expression of columns.

        Raises:
            Refusal: there are several, or it holds text.
        """
        node = unwrapped(node)
        if isinstance(node, Call) and node.function in ("cbind", "mvbind", "c", "Surv"):
            raise self.refuse(
                node,
                "several responses are not fitted together",
                "Stack them in one column, and cross a column that says which is which with the rest.",
            )
        for name in self.names(node):
            self.column(name)
        if isinstance(node, Name):
            self._numeric(node)
            return node.text
        if isinstance(node, Text | Number):
            raise self.refuse(node, "it is no column", "Name the column to explain left of ~.")
        self._known(node)
        text = self.slice(node)
        try:
            parse_function(f"I({text})")
            column = self.study.computed(text, text)
            # What has no value in some row is told now, with its place.
            self.study.under  # noqa: B018
        except ValueError as error:
            raise self.refuse(node, str(error).rstrip("."), "Compute it in the table, and name it.") from None
        return column

    def _numeric(self, node: Name) -> None:
        table = self.study.under
        if table is None or table.is_numeric(node.text):
            return
        texts = [label for label in table.labels(node.text) if label is not None]
        if not texts:
            return
        if any(number(text.replace(",", "")) is not None for text in texts):
            # What else stands in it is told with its row, by whoever reads its numbers.
            try:
                table.numbers(node.text)
            except ValueError as error:
                raise self.refuse(node, str(error).rstrip("."), "Mend the column, or name another.") from None
            return
        raise self.refuse(
            node,
            f"the response should hold numbers, and holds text such as {shown(texts[0])}",
            "Name a column of numbers; counts and classes (glmer, family) are not fitted here.",
        )

    def fixed(self, parts: Sequence[tuple[int, Node]], intercept: bool = True) -> str:
        """The formula of fixed effects from its parts, checked; names that are not plain in backticks.

        Raises:
            Refusal: a part cannot stand there, or names a column that is not there.
        """
        texts: list[str] = []
        for sign, node in parts:
            plain = unwrapped(node)
            if isinstance(plain, Number) and plain.value in (0.0, 1.0, -1.0):
                texts.append(f"{'-' if sign * plain.value < 0 else '+'} {abs(plain.value):g}")
                continue
            self._known(node)
            for name in self.names(node):
                column = self.column(name)
                self.study.use({column: "factor" if self.study.is_factor(column) else "covariate"})
            text = self.rewritten(node)
            try:
                parse_formula(f"1 + {text}")
            except FormulaError as error:
                raise self.refuse(node, str(error).rstrip("."), "Write it otherwise.") from None
            texts.append(f"{'-' if sign < 0 else '+'} {text}")
        joined = " ".join(texts).removeprefix("+ ")
        return joined or ("1" if intercept else "0")

    def rewritten(self, node: Node) -> str:
        """A node as fixed effects have it: without the packages of functions."""
        pieces, place = [], node.start
        waiting, calls = [node], []
        while waiting:
            one = waiting.pop()
            if isinstance(one, Call) and "::" in one.function:
                calls.append(one)
            waiting.extend(reversed(children(one)))
        for call in sorted(calls, key=lambda call: call.start):
            pieces.append(self.text[place : call.start])
            place = call.start + call.function.rindex(":") + 1
        pieces.append(self.text[place : node.end])
        return " ".join("".join(pieces).split())

    def _known(self, node: Node) -> None:
        """Refuse what cannot stand among fixed effects."""
        waiting = [node]
        while waiting:
            one = waiting.pop()
            if isinstance(one, Call) and one.function.rpartition(":")[2] not in FUNCTIONS:
                raise self.unknown(
                    one,
                    "Functions of columns are log, sqrt, I, scale, poly, bs, ns, factor, offset.",
                )
            if isinstance(one, Operation) and one.operator in ("|", "||"):
                raise self.refuse(
                    one,
                    "a random part stands inside another term",
                    "Write it in brackets, added: ... + (1 | g).",
                )
            if isinstance(one, Operation) and one.operator in ("$", "@"):
                raise self.refuse(one, "parts of objects are not taken", "Name the column alone.")
            if isinstance(one, Call):
                # Further arguments are constants, which are read with the function.
                waiting.extend(part for _, part in one.arguments[:1])
                continue
            waiting.extend(reversed(children(one)))

    def columns_of_design(self, node: Node) -> tuple[tuple[str, ...], bool]:
        """The numeric columns that a sum of terms gives, and whether an intercept is before them.

        A covariate is its column; anything else (a factor in its contrasts, a polynomial) is computed.
        """
        parts = summands(node)
        plain, intercept = self._plain(parts)
        if plain is not None:
            return plain, intercept
        text = self.fixed(parts)
        table = self.study.under
        if table is None:
            raise self.refuse(
                node, "its columns follow from the data", "Give the data too, or name covariates alone."
            )
        names = design_matrix(table, text, drop_dependent=True).names
        intercept = names[0] == "(Intercept)"
        wanted = names[1:] if intercept else names
        return tuple(self.study.computed(name, column_of(text, name)) for name in wanted), intercept

    def _plain(self, parts: Sequence[tuple[int, Node]]) -> tuple[tuple[str, ...] | None, bool]:
        """Covariates that stand alone, and whether there is an intercept; None where there is more."""
        intercept, columns = True, []
        for sign, part in parts:
            node = unwrapped(part)
            if isinstance(node, Number) and node.value in (0.0, 1.0, -1.0):
                intercept = (node.value * sign) > 0
            elif isinstance(node, Name) and sign > 0:
                column = self.column(node)
                if self.study.is_factor(column):
                    return None, intercept
                columns.append(column)
            else:
                return None, intercept
        return tuple(dict.fromkeys(columns)), intercept

    def contrasts(self, node: Node) -> None:
        """Take `list(f = "contr.sum", g = contr.helmert)` to the table's choices."""
        node = unwrapped(node)
        if not isinstance(node, Call) or node.function not in ("list", "c"):
            raise self.refuse(node, "contrasts are a list by factor", 'Write list(rep = "contr.sum").')
        for key, value in node.arguments:
            named = value.text if isinstance(value, Text | Name) else ""
            kind = CONTRAST_NAMES.get(named.removeprefix("stats::"))
            if not key or kind is None:
                raise self.refuse(
                    value,
                    "these contrasts are not known",
                    "Write contr.treatment, contr.sum, contr.helmert or contr.poly, by factor.",
                )
            self.column(Name(key, value.start, value.end))
            self.study.labels.add(key)
            self.study.choices = self.study.choices.with_column(key, contrasts=kind)

    def quoted(self, column: str) -> str:
        """A column's name as it is written in a formula."""
        return quote_name(column)
