"""A report as one page of HTML: no scripts, nothing from elsewhere, everything that people gave escaped."""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Sequence
from functools import singledispatch
from itertools import groupby
from typing import Any

from covstudio import __version__
from covstudio.reporting.blocks import Code, Facts, Formula, Frame, Notes, Picture, Section, Text, Tree
from covstudio.reporting.cells import cells_of, shown_rows, side_by_side
from covstudio.reporting.formulas import mathml
from covstudio.reporting.looks import STYLE

#: Between terms of V, where a line may end.
PLUS = '<span class="plus">+</span>'

__all__ = ["block_html", "escaped", "page"]

#: What a page may load: its own style and its own pictures.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def page(title: str, under: Sequence[str], sections: Sequence[Section]) -> str:
    """The page.

    Args:
        title: its heading.
        under: what stands below it.
        sections: its parts.
    """
    links = "".join(f'<a href="#{part.key}">{escaped(part.title)}</a>' for part in sections)
    below = "".join(f'<p class="under">{escaped(line)}</p>' for line in under)
    body = "".join(_section(part) for part in sections)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta name="generator" content="covstudio {__version__}">\n'
        f"<title>{escaped(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f'<div class="page">\n<header><h1>{escaped(title)}</h1>{below}'
        f'<nav aria-label="Sections">{links}</nav>'
        f"</header>\n<main>\n{body}</main>\n<footer>Made with covstudio {__version__}.</footer>\n</div>\n"
        "</body>\n</html>\n"
    )


def escaped(text: object) -> str:
    """A text as HTML that shows it; characters that show nothing are marked."""
    return html.escape("".join(char if _shows(char) else "\N{REPLACEMENT CHARACTER}" for char in str(text)))


def _shows(char: str) -> bool:
    return char.isprintable() or char == "\n" or unicodedata.category(char) == "Zs"


def _section(part: Section) -> str:
    """A section; pictures that follow each other stand side by side, and so do tables where it says so."""
    pieces = []
    for together, blocks in groupby(part.blocks, lambda block: _together(part, block)):
        inside = "\n".join(map(block_html, blocks))
        pieces.append(f'<div class="{together}">{inside}</div>' if together else inside)
    body = "\n".join(pieces)
    head = f'<h2 id="{part.key}">{escaped(part.title)}</h2>'
    return f'<section aria-labelledby="{part.key}">\n{head}\n{body}\n</section>\n'


def _together(part: Section, block: Any) -> str:
    """What a block stands in with its neighbours, by its class; "" by itself."""
    if isinstance(block, Picture):
        return "pictures"
    return "beside" if part.beside and isinstance(block, Frame) else ""


@singledispatch
def block_html(block: Any) -> str:
    """A piece of a report as HTML.

    Raises:
        TypeError: there is no such piece.
    """
    raise TypeError(f"a report has no {type(block).__name__}")


@block_html.register
def _(block: Text) -> str:
    look = "" if block.look == "plain" else f' class="{block.look}"'
    return f"<p{look}>{escaped(block.words)}</p>"


@block_html.register
def _(block: Notes) -> str:
    return f"<ul>{''.join(f'<li>{escaped(item)}</li>' for item in block.items)}</ul>"


@block_html.register
def _(block: Facts) -> str:
    pairs = "".join(f"<dt>{escaped(name)}</dt><dd>{escaped(value)}</dd>" for name, value in block.pairs)
    return f'<dl class="{"facts short" if block.short else "facts"}">{pairs}</dl>'


@block_html.register
def _(block: Frame) -> str:
    texts, numeric = cells_of(block.frame)
    names = [str(name).replace("_", " ") for name in block.frame.columns]
    rows, gap = shown_rows(len(block.frame), block.most)
    found = []
    for columns in side_by_side(names, [[column[k] for k in rows] for column in texts]):
        look = ["" if numeric[j] else ' class="name"' for j in columns]
        heads = zip(look, columns, strict=True)
        head = "".join(f'<th scope="col"{own}>{escaped(names[j])}</th>' for own, j in heads)
        lines = []
        for k in rows:
            cells = zip(look, columns, strict=True)
            lines.append(f"<tr>{''.join(f'<td{own}>{escaped(texts[j][k])}</td>' for own, j in cells)}</tr>")
        left_out = len(block.frame) - len(rows)
        if left_out:
            more = f'<td colspan="{len(columns)}">… {left_out:,} more …</td>'
            lines.insert(gap, f'<tr class="more">{more}</tr>')
        found.append(
            f'<div class="table"><table aria-label="{escaped(block.title)}"><thead><tr>{head}</tr></thead>'
            f"<tbody>{''.join(lines)}</tbody></table></div>"
        )
    note = f'<p class="quiet">{escaped(block.note)}</p>' if block.note else ""
    return f"<div><h3>{escaped(block.title)}</h3>{''.join(found)}{note}</div>"


@block_html.register
def _(block: Formula) -> str:
    equation = block.equation
    pieces = []
    if equation.terms:
        first, *others = equation.terms
        whole = [mathml(equation, f"\\mathbf{{V}} = {first}"), *(mathml(equation, one) for one in others)]
        pieces.append(f'<div class="equation">{PLUS.join(whole)}</div>')
    lines = []
    for one in equation.definitions:
        values = "".join(mathml(equation, value) for value in one.values)
        values += f'<span class="quiet">and {one.more:,} more</span>' if one.more else ""
        words = f'<span class="words">{escaped(one.words)}</span>'
        lines.append(f"<div>{mathml(equation, one.formula)}{values}{words}</div>")
    pieces.append(f'<div class="where">{"".join(lines)}</div>')
    return "".join(pieces)


@block_html.register
def _(block: Tree) -> str:
    lines = []
    for one in block.branches:
        above = "".join("<i></i>" if last else '<i class="on"></i>' for last in one.last[:-1])
        arm = f'<i class="{"end" if one.last[-1] else "on"} arm"></i>' if one.last else ""
        about = f' <span class="about">{escaped(one.about)}</span>' if one.about else ""
        what = f'<b class="{one.kind}">{escaped(one.name)}</b> {escaped(one.words)}{about}'
        lines.append(f'<li>{above}{arm}<span class="what">{what}</span></li>')
    return f'<ul class="tree" aria-label="The tree of V">{"".join(lines)}</ul>'


@block_html.register
def _(block: Picture) -> str:
    return f"<figure{' class=wide' if block.wide else ''}>{block.svg}</figure>"


@block_html.register
def _(block: Code) -> str:
    return f"<pre><code>{escaped(block.text)}</code></pre>"
