"""Tables and what a model takes from them: roles of columns, responses, design matrices and levels."""

from covstudio.data.errors import DesignError, FormulaError, RankError, TableError
from covstudio.data.tables import Table, read_table

__all__ = ["DesignError", "FormulaError", "RankError", "Table", "TableError", "read_table"]
