"""One file more of each kind, as somebody would write it: an exporter, a template, an example, a tab."""

from __future__ import annotations

from pathlib import Path

#: Where the file would stand in the package -> what is in it.
FILES = {
    "export/outline.py": '''
"""The model as an outline: one line for each node."""

from covstudio.export import EXPORTERS, Exporter


def outline(document, table=None):
    lines = [f"{node.name} := {node.kind}" for node in document.nodes.values()]
    return "\\n".join(["model " + document.title, *lines]) + "\\n"


EXPORTERS.register(Exporter("outline", "Outline", "txt", outline, keywords=("model",)))
''',
    "document/files/templates/independent.py": '''
"""Rows that have nothing to do with each other."""

from covstudio.document.files.templates.sketch import Sketch
from covstudio.document.files.templates.template import TEMPLATES, Template


def independent(table, roles):
    model = Sketch()
    model.add("ScalarMatrix", "noise", "V")
    return model.document


TEMPLATES.register(Template("independent", "Independent rows", "One variance and nothing else.", independent))
''',
    "data/examples/two_beds.py": '''
"""Two beds of three plants."""

from pathlib import Path

from covstudio.data.examples.example import EXAMPLES, Example

EXAMPLES.register(
    Example(
        name="two_beds",
        title="Two beds of three plants",
        description="Heights of six plants.",
        source="made up for the tests",
        licence="CC0",
        file=Path(__file__).with_suffix(".csv"),
    )
)
''',
    "data/examples/two_beds.csv": "bed,height\na,1.5\na,2.5\na,2.0\nb,3.5\nb,4.0\nb,3.0\n",
    "studio/notes/__init__.py": '"""Notes about a model."""\n',
    "studio/notes/tab.py": '''
"""The Notes tab."""

import panel as pn

from covstudio.studio.session.tabs import TABS, Step, Tab, TabView


class Notes(TabView):
    def __init__(self, desk):
        self.pane = pn.pane.Str(f"Notes about {desk.store.document.title}")
        self.seen, self.closed = [], False

    def panel(self):
        return self.pane

    def look(self, visible):
        self.seen.append(visible)

    def close(self):
        self.closed = True


TABS.register(Tab("notes", "Notes", Notes, step=Step("Write down what you think (Notes).", 60)))
''',
}


def as_modules(folder: Path) -> tuple[str, ...]:
    """Write the files as modules of somebody's own, all in one folder; their names."""
    names = []
    for place, text in FILES.items():
        path = Path(place)
        if path.name == "__init__.py":
            continue
        target = folder / (f"own_{path.name}" if path.suffix == ".py" else f"own_{path.stem}.csv")
        target.write_text(text, encoding="utf-8")
        if path.suffix == ".py":
            names.append(target.stem)
    return tuple(names)


def into_package(package: Path) -> None:
    """Write the files to their places in a copy of the package."""
    for place, text in FILES.items():
        target = package / place
        target.parent.mkdir(exist_ok=True)
        target.write_text(text, encoding="utf-8")
