"""A document as JSON, with its table or without: stable to write, strict to read.

The file is `{"covstudio": 1, "model": {...}, "data": {...}}`. What is not known is refused with the path to
it; older versions are brought up to date first.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from covstudio.covariance import declaration
from covstudio.data.relation_records import relation_record
from covstudio.data.tables import Table
from covstudio.document.files.json_text import CHOOSE, DocumentError, decoded, json_values
from covstudio.document.files.read import Reader, read_data, read_model
from covstudio.document.model.document import Document
from covstudio.document.model.node import ArgumentValue, Auto, Columns, Levels, Node, Related, Rows, Values

__all__ = ["VERSION", "DocumentError", "data_of", "dumps", "loads", "model_and_data", "parsed", "written"]

VERSION = 1
MAX_CHARACTERS = 400_000_000

#: Version -> what turns a file of that version into one of the next.
_MIGRATIONS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}


def dumps(document: Document, table: Table | None = None) -> str:
    """A document as JSON text; equal documents give equal text.

    Args:
        document: the model.
        table: its data, to be saved with it.

    Returns:
        Text that `loads` reads back to an equal document and table.

    Example:
        >>> print(dumps(Document(title="Oats", response="yield")))
        {
          "covstudio": 1,
          "model": {
            "title": "Oats",
            "response": "yield",
            "fixed_effects": "1",
            "v": null,
            "data_name": null,
            "roles": {},
            "nodes": []
          }
        }
        <BLANKLINE>
    """
    return written(model_and_data(document, table)) + "\n"


def model_and_data(document: Document, table: Table | None = None) -> dict[str, Any]:
    """What `dumps` writes, as JSON's own values.

    Args:
        document: the model.
        table: its data, to be saved with it.
    """
    content: dict[str, Any] = {
        "covstudio": VERSION,
        "model": {
            "title": document.title,
            "response": document.response,
            "fixed_effects": document.fixed_effects,
            "v": document.v,
            "data_name": document.data_name,
            "roles": dict(document.roles),
            # Only where somebody chose them: what says nothing new is read by older versions too.
            **({} if document.method == "REML" else {"method": document.method}),
            **({} if document.degrees == "satterthwaite" else {"degrees": document.degrees}),
            **({"drop_dependent": True} if document.drop_dependent else {}),
            **({"derived": list(document.derived)} if document.derived else {}),
            **({"table": document.choices.to_dict()} if document.choices else {}),
            **({"relations": _relations(document)} if document.relations else {}),
            "nodes": [_node(node) for node in document.nodes.values()],
        },
    }
    if table is not None:
        content |= data_of(table)
    return content


def data_of(table: Table) -> dict[str, Any]:
    """What a file holds of a table, beside the model."""
    return {"data": {"name": table.name, "columns": table.before_steps().to_columns()}}


def loads(text: str | bytes) -> tuple[Document, Table | None]:
    """The document in a JSON text, and its table when it was saved with it.

    Args:
        text: what `dumps` wrote, or a file of an older version.

    Returns:
        (document, table or None).

    Raises:
        DocumentError: the text is no such file; the message names the place in it, what was expected and
            what came.

    Example:
        >>> loads(dumps(Document(title="Oats")))[0].title
        'Oats'
        >>> loads('{"covstudio": 7, "model": {}}')
        Traceback (most recent call last):
        covstudio.document.files.json_text.DocumentError: The file was written by a newer covstudio (version
        7); this one reads versions up to 1. Upgrade covstudio to open it.
    """
    content = Reader(parsed(text), "")
    if not isinstance(content.value, dict) or "covstudio" not in content.value:
        raise DocumentError(
            f'This is not a model of covstudio: it does not begin with {{"covstudio": 1, ...}}. {CHOOSE}'
        )
    version = content.key("covstudio").integer()
    if version > VERSION:
        raise DocumentError(
            f"The file was written by a newer covstudio (version {version}); this one reads versions up to "
            f"{VERSION}. Upgrade covstudio to open it."
        )
    if version < 1 or any(number not in _MIGRATIONS for number in range(version, VERSION)):
        raise DocumentError(
            f"There never was a version {version} of this file; versions run from 1 to {VERSION}.",
            "covstudio",
        )
    for number in range(version, VERSION):
        content = Reader(_MIGRATIONS[number](content.value), "")
    content.only("covstudio", "model", optional=("data",))
    document = read_model(content.key("model"))
    return document, read_data(content.key("data")) if "data" in content.value else None


def parsed(text: str | bytes) -> Any:
    """The values in a JSON text from a person, of any size up to `MAX_CHARACTERS`.

    Raises:
        DocumentError: it is no JSON, holds a key twice or a number that is not finite; the message says
            where.
    """
    if isinstance(text, bytes):
        text = decoded(text)
    if len(text) > MAX_CHARACTERS:
        raise DocumentError(
            f"A model file has at most {MAX_CHARACTERS:,} characters; this one has {len(text):,}."
        )
    text = text.removeprefix("\ufeff")
    if not text.strip():
        raise DocumentError(f"The file is empty. {CHOOSE}")
    return json_values(text)


# --- writing --------------------------------------------------------------------------------------


def _relations(document: Document) -> dict[str, Any]:
    return {name: relation_record(relation) for name, relation in document.relations.items()}


def _node(node: Node) -> dict[str, Any]:
    declared = declaration(node.kind)
    order = [argument.name for argument in declared.arguments if argument.name in node.arguments]
    operands: Any = list(node.children) if declared.variadic else dict(node.operands)
    return {
        "id": node.id,
        "kind": node.kind,
        "name": node.name,
        "x": node.x,
        "y": node.y,
        "arguments": {name: _argument(node.arguments[name]) for name in order},
        "operands": operands,
        "values": {name: node.values[name] for name in sorted(node.values)},
        "fixed": sorted(node.fixed),
    }


def _argument(value: ArgumentValue) -> Any:
    if isinstance(value, Auto):
        return "auto"
    if isinstance(value, Rows):
        return "rows"
    if isinstance(value, Levels):
        return {"levels": list(value.columns)}
    if isinstance(value, Columns):
        return {"columns": list(value.names)}
    if isinstance(value, Values):
        return {"values": [list(column) for column in value.columns]}
    if isinstance(value, Related):
        return {"relation": value.name}
    if isinstance(value, tuple):
        return [list(entry) if isinstance(entry, tuple) else entry for entry in value]
    return value


def written(value: Any, indent: str = "") -> str:
    """JSON text with one key a line, but lists of plain values (a column, a row of a matrix) on one line."""
    inner = indent + "  "
    if isinstance(value, Mapping) and value:
        rows = (f"{inner}{_plain(key)}: {written(one, inner)}" for key, one in value.items())
        return "{\n" + ",\n".join(rows) + f"\n{indent}}}"
    if isinstance(value, list) and any(isinstance(one, list | Mapping) for one in value):
        rows = (f"{inner}{written(one, inner)}" for one in value)
        return "[\n" + ",\n".join(rows) + f"\n{indent}]"
    return _plain(value)


def _plain(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        # Half of a surrogate pair, from a label that was cut in two elsewhere: UTF-8 has no way to write it.
        return json.dumps(value, allow_nan=False)
    return text
