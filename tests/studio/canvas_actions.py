"""What a person does on the canvas of a real browser, each waiting for what it leads to."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from covstudio.covariance import declaration
from covstudio.document.changes.all import default_name
from covstudio.document.files.templates import templates
from tests.studio.browser import ALPHA, Point, Studio, box_of

HADAMARD, PROPAGATION, KRONECKER = (
    default_name(declaration(kind))
    for kind in ("HadamardProduct", "CovariancePropagation", "KroneckerProduct")
)
SELECTED = re.compile(r"\bselected\b")
#: The attribute of a slot that says whether the wire under way fits it: "yes", "no" or "pending".
FITS = "data-fits"


def title(kind: str) -> str:
    """What the palette calls a structure."""
    return declaration(kind).title


def wires(studio: Studio) -> Locator:
    return studio.page.locator(".react-flow__edge")


def wire(studio: Studio, child: str, parent: str) -> Locator:
    """A wire, by the names of its ends."""
    return studio.page.get_by_role("group", name=f"Wire from {child} into {parent}", exact=True)


def free(studio: Studio) -> Point:
    """A place of the canvas with nothing on it: left of V, below the middle."""
    box = box_of(studio.page.get_by_role("region", name="Model", exact=True))
    return box["x"] + box["width"] * 0.25, box["y"] + box["height"] * 0.8


def pieces_of(template: str) -> int:
    """How many nodes the model of a template has, V not counted, and wires."""
    return len(next(found for found in templates() if found.title == template).build(None, {}).nodes)


#: Those of the trial's model.
PIECES = pieces_of(ALPHA)


def trial(studio: Studio, template: str = ALPHA) -> int:
    """Start from a template, and wait until all of it is drawn: so many nodes, V not counted, and wires."""
    studio.use_template(template)
    pieces = pieces_of(template)
    drawn(studio, pieces + 1, pieces)
    studio.settled()
    return pieces


def drawn(studio: Studio, nodes: int, lines: int) -> None:
    """Wait until so many nodes, V among them, and so many wires are drawn."""
    expect(studio.nodes()).to_have_count(nodes)
    expect(wires(studio)).to_have_count(lines)


def connect(studio: Studio, child: str, target: Locator) -> None:
    """Draw a wire from an output to a slot, letting go when the slot has said that it fits."""
    with studio.dragging(studio.output(child)) as to_point:
        to_point(target)
        expect(target).to_have_attribute(FITS, "yes")


def head(studio: Studio, name: str) -> None:
    """Click on a node where nothing else answers."""
    studio.settled()
    studio.node(name).click(position={"x": 60, "y": 14})
    expect(studio.node(name)).to_have_class(SELECTED)


def undo(page: Page) -> None:
    page.keyboard.press("Control+z")


def redo(page: Page) -> None:
    page.keyboard.press("Control+Shift+z")
