"""Tables and what a model takes from them: roles of columns, responses, design matrices and levels."""

from covstudio.data.design import Design, Response, design_matrix, factor_columns, levels, response
from covstudio.data.errors import DesignError, FormulaError, RankError, TableError
from covstudio.data.examples import Example, examples, load_example
from covstudio.data.roles import Role, check_roles, guess_roles
from covstudio.data.tables import Table, read_table

__all__ = [
    "Design",
    "DesignError",
    "Example",
    "FormulaError",
    "RankError",
    "Response",
    "Role",
    "Table",
    "TableError",
    "check_roles",
    "design_matrix",
    "examples",
    "factor_columns",
    "guess_roles",
    "levels",
    "load_example",
    "read_table",
    "response",
]
