"""A report as a notebook: the same sections, and cells that make its tables and pictures again."""

from __future__ import annotations

import base64
import gzip
import json
import textwrap
from collections.abc import Sequence
from functools import singledispatch
from typing import Any

from covstudio.reporting.blocks import Code, Facts, Formula, Frame, Notes, Picture, Section, Text, Tree
from covstudio.reporting.page import block_html, escaped

__all__ = ["notebook"]

Cell = dict[str, Any]

#: Characters of a line of what is packed into a cell.
WIDTH = 100
_INTRODUCTION = (
    "The cell below holds the fit with its model and its data, packed: nothing is fitted again, and every "
    "number is what it was. The cells after it make the tables and pictures anew."
)


def notebook(title: str, under: Sequence[str], sections: Sequence[Section], saved: str) -> str:
    """The notebook as JSON of nbformat 4.5.

    Args:
        title: its heading.
        under: what stands below it.
        sections: its parts.
        saved: the fit, as `covstudio.estimate.files.dumps` writes it.
    """
    lines = [f"# {_plain(title)}", *map(_plain, under), _INTRODUCTION]
    cells = [_markdown("\n\n".join(lines)), _code(_reading(saved))]
    for part in sections:
        cells.append(_markdown(f"## {_plain(part.title)}"))
        for block in part.blocks:
            cells += _cells(block)
    for number, cell in enumerate(cells, 1):
        cell["id"] = f"cell-{number}"
    content = {
        "cells": cells,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def _reading(saved: str) -> str:
    """The cell that reads the fit."""
    packed = base64.b64encode(gzip.compress(saved.encode("utf-8"), mtime=0)).decode("ascii")
    lines = textwrap.wrap(packed, WIDTH)
    inside = "\n".join(f'    "{line}"' for line in lines)
    return (
        "import base64\nimport gzip\n\nfrom covstudio import read_fit\n\n"
        f"FIT = (\n{inside}\n)\nfound = read_fit(gzip.decompress(base64.b64decode(FIT)))\nfound"
    )


def _markdown(source: str) -> Cell:
    return {"cell_type": "markdown", "id": "", "metadata": {}, "source": source}


def _code(source: str, outputs: Sequence[Cell] = ()) -> Cell:
    return {
        "cell_type": "code",
        "execution_count": None,
        "id": "",
        "metadata": {},
        "outputs": list(outputs),
        "source": source,
    }


def _shown(data: dict[str, str]) -> Cell:
    return {"output_type": "display_data", "data": data, "metadata": {}}


def _plain(text: str) -> str:
    """A text as Markdown that shows it: as HTML, its marks as references."""
    marks = {char: f"&#{ord(char)};" for char in "\\`*_{}[]()#+-.!|~$:"}
    lines = escaped(text).split()
    return "".join(marks.get(char, char) for char in " ".join(lines).replace("&", "\0")).replace("\0", "&")


@singledispatch
def _cells(block: Any) -> list[Cell]:
    raise TypeError(f"a report has no {type(block).__name__}")


@_cells.register(Facts)
@_cells.register(Notes)
@_cells.register(Text)
def _(block: Any) -> list[Cell]:
    return [_markdown(block_html(block))]


@_cells.register
def _(block: Tree) -> list[Cell]:
    lines = [
        "  " * one.depth + f"{one.name}: {one.words}" + (f" ({one.about})" if one.about else "")
        for one in block.branches
    ]
    return [_markdown(f"<pre>{escaped(chr(10).join(lines))}</pre>")]


@_cells.register
def _(block: Formula) -> list[Cell]:
    return [_markdown(f"$$\n{block.equation.latex}\n$$")]


@_cells.register
def _(block: Frame) -> list[Cell]:
    made = block_html(block)
    if not block.code:
        return [_markdown(made)]
    return [_code(block.code, [_shown({"text/html": made, "text/plain": block.title})])]


@_cells.register
def _(block: Picture) -> list[Cell]:
    return [_code(block.code, [_shown({"image/svg+xml": str(block.svg), "text/plain": block.svg.title})])]


@_cells.register
def _(block: Code) -> list[Cell]:
    ticks = "`" * 3
    while ticks in block.text:
        ticks += "`"
    return [_markdown(f"{ticks}{block.language}\n{block.text}{ticks}")]
