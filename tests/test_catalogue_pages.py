"""The catalogue's pages say what the declarations say, and those in docs/catalogue are these pages."""

from __future__ import annotations

import re
import struct
import zlib
from pathlib import Path

import catalogue_pages
import numpy as np
import pytest

from covstudio.covariance import Declaration

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "catalogue"
ENTRIES = catalogue_pages.built_in()
PAGES = catalogue_pages.pages(ENTRIES)
HINT = "run `make docs` and commit docs/catalogue"


def test_the_committed_pages_are_what_the_generator_makes() -> None:
    committed = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.md")}
    assert committed.keys() == PAGES.keys(), HINT
    for name, text in PAGES.items():
        assert committed[name] == text, f"{name}: {HINT}"


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_the_committed_picture_shows_the_example(entry: Declaration) -> None:
    # Entries may differ in the last bit from one machine to the next, and with them a shade.
    committed = decoded((FOLDER / "pictures" / f"{entry.name}.png").read_bytes())
    expected = decoded(catalogue_pages.png(catalogue_pages.tile(entry)))
    assert committed.shape == expected.shape, HINT
    assert np.abs(committed.astype(int) - expected.astype(int)).max() <= 3, HINT


def test_there_is_no_picture_of_what_is_no_more() -> None:
    assert {path.stem for path in FOLDER.glob("pictures/*.png")} == {entry.name for entry in ENTRIES}


def test_every_link_and_picture_of_a_page_leads_somewhere() -> None:
    for name, text in PAGES.items():
        for target in re.findall(r"\]\(([^)]+)\)", text):
            page, _, anchor = target.partition("#")
            headings = re.findall(r"^#+ (.+)$", PAGES[page or name], re.M)
            plain = [re.sub(r"\[(.+)\]\(.*\)", r"\1", heading) for heading in headings]
            assert not anchor or anchor in map(catalogue_pages.slug, plain), f"{name}: {target}"
        for source in re.findall(r'src="([^"]+)"', text):
            assert (FOLDER / source).exists(), f"{name}: {source}"


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_a_page_says_all_that_is_declared(entry: Declaration) -> None:
    text = catalogue_pages.section(entry)
    for part in (entry.title, entry.formula, catalogue_pages.cell(entry.summary), f"{entry.name}("):
        assert part in text
    for one in (*entry.arguments, *entry.slots):
        assert f"`{one.name}`" in text
    for system, names in entry.aliases.items():
        assert system in text
        assert all(f"`{catalogue_pages.cell(name)}`" in text for name in names)
    own = [name for name in entry.example().param_names if "/" not in name]
    assert ("| Slider |" in text) == bool(own)
    for block in text.split("\n\n"):
        bars = {len(re.findall(r"(?<!\\)\|", row)) for row in block.splitlines() if row.startswith("|")}
        assert len(bars) <= 1, "a bar in a text splits its cell"


def test_the_index_leads_from_every_name_elsewhere() -> None:
    index = PAGES["README.md"]
    for entry in ENTRIES:
        for system, names in entry.aliases.items():
            for name in names:
                row = f"| `{catalogue_pages.cell(name)}` | {system} | [`{entry.name}`]("
                assert row in index


def decoded(png: bytes) -> np.ndarray:
    """The codes of the pixels of a PNG as the generator writes it."""
    chunks, at = {}, 8
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        kind, content = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        assert struct.unpack(">I", png[at + 8 + length : at + 12 + length])[0] == zlib.crc32(kind + content)
        chunks[kind] = content
        at += 12 + length
    width, height, *rest = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert rest == [8, 3, 0, 0, 0]
    lines = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), dtype=np.uint8).reshape(height, width + 1)
    assert not lines[:, 0].any()
    return lines[:, 1:]
