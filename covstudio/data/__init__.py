"""Tables and what a model takes from them: roles of columns, responses, design matrices and levels."""

from covstudio.data.choices import Answer, ColumnChoice, Question, TableChoices
from covstudio.data.computed import column_of, position_in
from covstudio.data.design import Design, Response, design_matrix, factor_columns, levels, response
from covstudio.data.errors import ChoiceError, DesignError, FormulaError, RankError, TableError
from covstudio.data.examples import Example, examples, load_example, load_relations
from covstudio.data.inspection import Inspection, inspect
from covstudio.data.ordering import ordered_labels, sorted_labels
from covstudio.data.reading import read, read_table
from covstudio.data.relation import Relation
from covstudio.data.relation_reading import read_relation, relation_of
from covstudio.data.relation_records import relation_from, relation_record
from covstudio.data.roles import Role, check_roles, guess_roles
from covstudio.data.steps import Compute, Keep, Recode, Rename
from covstudio.data.tables import Table

__all__ = [
    "Answer",
    "ChoiceError",
    "ColumnChoice",
    "Compute",
    "Design",
    "DesignError",
    "Example",
    "FormulaError",
    "Inspection",
    "Keep",
    "Question",
    "RankError",
    "Recode",
    "Relation",
    "Rename",
    "Response",
    "Role",
    "Table",
    "TableChoices",
    "TableError",
    "check_roles",
    "column_of",
    "design_matrix",
    "examples",
    "factor_columns",
    "guess_roles",
    "inspect",
    "levels",
    "load_example",
    "load_relations",
    "ordered_labels",
    "position_in",
    "read",
    "read_relation",
    "read_table",
    "relation_from",
    "relation_of",
    "relation_record",
    "response",
    "sorted_labels",
]
