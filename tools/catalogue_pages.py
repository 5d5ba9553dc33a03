"""Write the catalogue's pages from the declarations: `make docs`.

One page per category, an index with every name that another system has, and a picture of each structure.
`python tools/catalogue_pages.py --import MODULE --folder FOLDER` writes those of one's own structures too.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import math
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from covstudio.covariance import (  # noqa: E402
    Argument,
    Declaration,
    Parameter,
    TransformExpPow2,
    catalogue,
)
from covstudio.covariance.core.catalogue import meaning_key  # noqa: E402
from covstudio.plots.colours import table  # noqa: E402
from covstudio.plots.png import png as indexed_png  # noqa: E402
from covstudio.studio.matrix.quantise import Tile, quantise  # noqa: E402
from covstudio.studio.palette.icons import telling  # noqa: E402

FOLDER = ROOT / "docs" / "catalogue"
#: The longer side of a picture, about.
PIXELS = 144

KINDS = {
    "size": "a whole number; in the studio it may follow the data",
    "integer": "a whole number",
    "number": "a number",
    "factors": "one or more columns of labels",
    "coordinates": "numbers, one row for each row of V",
    "matrix": "a matrix of numbers; in the studio, a second table too",
    "relation": "see above; in the studio, a second table",
    "indices": "positions counted from 0",
    "choice": "one of",
    "flag": "yes or no",
}
Pages = dict[str, str]
Pictures = dict[str, bytes]


def built_in() -> list[Declaration]:
    """The structures of covstudio itself."""
    return [entry for entry in catalogue() if entry.cls.__module__.startswith("covstudio.")]


def pages(entries: Sequence[Declaration]) -> Pages:
    """File name -> Markdown, for these structures."""
    families: dict[str, list[Declaration]] = {}
    for entry in entries:
        families.setdefault(entry.category, []).append(entry)
    found = {f"{slug(category)}.md": family(category, listed) for category, listed in families.items()}
    return {"README.md": index(families)} | found


def pictures(entries: Iterable[Declaration]) -> Pictures:
    """File name -> PNG, for these structures."""
    return {f"pictures/{entry.name}.png": png(tile(entry)) for entry in entries}


# --- one structure --------------------------------------------------------------------------------


def family(category: str, entries: Sequence[Declaration]) -> str:
    """The page of one category."""
    listed = ", ".join(f"[{entry.title}](#{slug(entry.title)})" for entry in entries)
    parts = [f"# {category}", NOTE, listed, *(section(entry) for entry in entries)]
    return "\n\n".join([*parts, "[The whole catalogue](README.md)"]) + "\n"


NOTE = "<!-- Made by `make docs` from the declarations beside the classes: change those, not this file. -->"


def section(entry: Declaration) -> str:
    """Everything that a declaration says."""
    picture = f'<img src="pictures/{entry.name}.png" alt="{alternative(entry)}" width="144" align="right">'
    parts = [
        f"## {entry.title}",
        picture,
        f"`{signature(entry)}`",
        entry.summary,
        f"```math\n{entry.formula}\n```",
        promise(entry),
        *tables(entry),
    ]
    if entry.reference:
        parts.append(f"Reference: {cell(entry.reference.rstrip('.'))}.")
    if not entry.palette:
        parts.append("It holds Python code: it is for programs, and not in the studio's palette.")
    return "\n\n".join(parts)


def tables(entry: Declaration) -> list[str]:
    """What stands in tables: sliders, operands, arguments, other systems."""
    found = []
    if rows := sliders(entry):
        found.append(grid(("Slider", "Meaning", "Range", "Default"), rows))
    if entry.slots:
        rows = [(f"`{slot.name}`", sentence(f"{slot.label}: {slot.help}")) for slot in entry.slots]
        found.append(grid(("Operand", "Meaning"), rows))
    elif entry.variadic:
        found.append(f"It takes any number of operands from {max(entry.minimum_operands, 1)} on.")
    if entry.arguments:
        rows = [(f"`{one.name}`", sentence(one.help), *described(one)) for one in entry.arguments]
        found.append(grid(("Argument", "Meaning", "What it is", "Default"), rows))
    if rows := elsewhere(entry):
        found.append(grid(("System", "Its name there", "How to say it there"), rows))
    return found


def signature(entry: Declaration) -> str:
    """The constructor as one calls it."""
    shown = []
    star = False
    for name, parameter in inspect.signature(entry.cls).parameters.items():
        if name == "param_specs" or parameter.kind is parameter.VAR_KEYWORD:
            continue
        if parameter.kind is parameter.VAR_POSITIONAL:
            star = True
            shown.append(f"*{name}")
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and not star:
            star = True
            shown.append("*")
        empty = parameter.default is parameter.empty
        shown.append(name if empty else f"{name}={parameter.default!r}")
    return f"{entry.name}({', '.join(shown)})"


def promise(entry: Declaration) -> str:
    """What is promised of V."""
    if entry.kind == "operator":
        kept = "Positive semi-definite whenever its operands are promised to be."
        return kept if entry.psd else "It promises nothing: V need not be a covariance."
    if entry.psd:
        return "Positive semi-definite for every value of its parameters."
    rows, columns = entry.example().shape
    if entry.category == "Design" or rows != columns:
        return "No covariance by itself: a design or a factor, for Z G Z' or a Gram matrix."
    return "**Not** positive semi-definite for every value of its parameters; the studio says so."


def sliders(entry: Declaration) -> list[tuple[str, ...]]:
    """Each kind of parameter of its own: name, meaning, range, default."""
    kinds: dict[str, list[Parameter]] = {}
    for parameter in entry.example().parameters:
        if "/" not in parameter.name:
            kinds.setdefault(meaning_key(entry, parameter.name) or parameter.name, []).append(parameter)
    return [
        (f"`{key}`", sentence(entry.parameters.get(key, "")), reach(group), defaults(group))
        for key, group in kinds.items()
    ]


def reach(group: Sequence[Parameter]) -> str:
    """The natural values that parameters of one kind may take."""
    low = min(parameter.transform.bounds[0] for parameter in group)
    high = max(parameter.transform.bounds[1] for parameter in group)
    if math.isfinite(low) and math.isfinite(high):
        return f"between {number(low)} and {number(high)}"
    if math.isfinite(low):
        zero = isinstance(group[0].transform, TransformExpPow2)
        return f"{number(low)} and above" if zero else f"above {number(low)}"
    return "any number" if not math.isfinite(high) else f"below {number(high)}"


def defaults(group: Sequence[Parameter]) -> str:
    """The default of parameters of one kind, in natural values."""
    values = dict.fromkeys(number(parameter.value) for parameter in group)
    fixed = " (fixed)" if all(parameter.fixed for parameter in group) else ""
    return ", ".join(values) + fixed


def described(argument: Argument) -> tuple[str, str]:
    """What kind of value an argument takes, and what it is when left out."""
    kind = KINDS[argument.kind]
    if argument.kind == "choice":
        kind += " " + ", ".join(f"`{choice}`" for choice in argument.choices)
    if argument.kind == "coordinates":
        least, most = argument.columns
        if most == 1:
            kind += ", in one column"
        elif most is None:
            kind += f", in {least} columns or more" if least > 1 else ", in any number of columns"
        else:
            kind += f", in {least} columns" if least == most else f", in {least} to {most} columns"
    if argument.minimum is not None and argument.kind in ("size", "integer", "number"):
        kind += f"; at least {argument.minimum:g}"
    if argument.optional and argument.default is None:
        return kind, "may be left out"
    return kind, "" if argument.default is None else f"`{argument.default!r}`"


def elsewhere(entry: Declaration) -> list[tuple[str, ...]]:
    """What other systems call it, and how it is asked for there."""
    return [
        (
            cell(system),
            ", ".join(f"`{cell(name)}`" for name in entry.aliases.get(system, ())),
            "<br>".join(
                f"`{cell(line)}`" for line in entry.usage.get(system, "").splitlines() if line.strip()
            ),
        )
        for system in dict.fromkeys((*entry.aliases, *entry.usage))
    ]


# --- the index ------------------------------------------------------------------------------------


def index(families: dict[str, list[Declaration]]) -> str:
    """The first page: every structure by family, then every name elsewhere."""
    count = sum(map(len, families.values()))
    parts = [
        "# The catalogue",
        NOTE,
        f"{count} structures and operators, each with its value, its exact derivatives and its place in the "
        "studio. Pictures are drawn at strong correlations and unequal variances, so that the pattern shows: "
        "indigo is positive, orange negative, white zero.",
    ]
    for category, entries in families.items():
        rows = [
            (
                f'<img src="pictures/{entry.name}.png" alt="" width="40">',
                f"[{entry.title}]({slug(category)}.md#{slug(entry.title)})",
                f"`{entry.name}`",
                cell(entry.summary),
            )
            for entry in entries
        ]
        parts += [f"## [{category}]({slug(category)}.md)", grid(("", "Structure", "Class", ""), rows)]
    names = [
        (name, system, category, entry)
        for category, entries in families.items()
        for entry in entries
        for system, listed in entry.aliases.items()
        for name in listed
    ]
    names.sort(key=lambda row: (row[0].casefold(), row[1].casefold(), row[3].name))
    rows = [
        (f"`{cell(name)}`", cell(system), f"[`{entry.name}`]({slug(category)}.md#{slug(entry.title)})")
        for name, system, category, entry in names
    ]
    parts += [
        "## By the name elsewhere",
        "The studio's palette finds a structure by any of these, whatever its order: `fa2` finds `fa`.",
        grid(("Name", "System", "Here"), rows),
    ]
    return "\n\n".join(parts) + "\n"


# --- pictures -------------------------------------------------------------------------------------


def tile(entry: Declaration) -> Tile:
    """The example at values where its pattern shows, as codes of the studio's colours."""
    example = entry.example()
    return quantise(example(telling(example)).detach().double().numpy(), PIXELS)


def alternative(entry: Declaration) -> str:
    """The picture in words."""
    shown = tile(entry)
    rows, columns = shown.shape
    return f"{rows} by {columns} example, entries from {number(shown.low)} to {number(shown.high)}"


def png(shown: Tile) -> bytes:
    """Codes as a PNG with a palette: the studio's colours on white."""
    side = max(1, PIXELS // max(shown.rows, shown.cols))
    codes = np.frombuffer(shown.codes, dtype=np.uint8).reshape(shown.rows, shown.cols)
    rgba = table(shown.scale, "light").astype(float)
    alpha = rgba[:, 3:] / 255
    colours = np.rint(rgba[:, :3] * alpha + 255 * (1 - alpha)).astype(np.uint8)
    return indexed_png(codes.repeat(side, axis=0).repeat(side, axis=1), colours)


# --- Markdown -------------------------------------------------------------------------------------


def slug(text: str) -> str:
    """A heading as GitHub's links name it."""
    return re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")


def grid(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table."""
    lines = [f"| {' | '.join(head)} |", f"|{'|'.join(['---'] * len(head))}|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def cell(text: str) -> str:
    """Text that stays in its cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")


def sentence(text: str) -> str:
    """The same with a full stop."""
    text = cell(text)
    return text if not text or text.endswith((".", "?", "!")) else f"{text}."


def number(value: float) -> str:
    """A number as people write it."""
    return f"{value + 0.0:.3g}".replace("-", "−")


# --- writing --------------------------------------------------------------------------------------


def write(entries: Sequence[Declaration], folder: Path) -> list[Path]:
    """Write all files, and remove those of structures that are no more; what was written."""
    texts = pages(entries)
    drawn = pictures(entries)
    (folder / "pictures").mkdir(parents=True, exist_ok=True)
    for old in (*folder.glob("*.md"), *folder.glob("pictures/*.png")):
        if str(old.relative_to(folder)) not in (*texts, *drawn):
            old.unlink()
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    for name, content in drawn.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in (*texts, *drawn)]


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the pages of the built-in structures, or of these and of a module's."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--import", dest="modules", action="append", default=[], metavar="MODULE")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    given = parser.parse_args(arguments)
    for module in given.modules:
        importlib.import_module(module)
    entries = list(catalogue()) if given.modules else built_in()
    written = write(entries, given.folder)
    print(f"{len(entries)} structures, {len(written)} files in {given.folder}")


if __name__ == "__main__":
    main()
