"""A report says what the fit says, is one page without scripts or a network, and no name becomes markup."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

import covstudio
from covstudio import compare, fit, read_fit, report
from covstudio.cli import main
from covstudio.covariance import catalogue
from covstudio.data import load_example
from covstudio.document.changes.all import Batch, Rename, SetParameters, SetTitle
from covstudio.estimate import estimate
from covstudio.export.python import python_source
from covstudio.fitting import Fitted
from covstudio.reporting.equation import Equation, equation_of
from covstudio.reporting.formulas import mathml

#: Texts that a page would run, load or break at, as HTML, as LaTeX, as Markdown and as SVG.
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</svg></style></pre><b>&amp;",
    "$\\href{javascript:alert(1)}{x}$ } \\\\ %",
    "[x](javascript:alert(1)) `` ![y](http://a)",
)
VOID = frozenset(["meta", "br", "img", "input", "link", "hr"])


def notebook(text):
    """The notebook of a file's text, held against the format."""
    import nbformat  # takes seconds, which every process would pay that only collects these tests

    found = nbformat.reads(text, as_version=4)
    nbformat.validate(found)
    return found


class Page(HTMLParser):
    """The tags of a page, with those that were never closed."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.open, self.words = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())

    def check(self):
        """Refuse what runs or loads something."""
        assert not self.open, self.open
        for tag, attributes in self.tags:
            assert tag not in ("script", "iframe", "object", "embed", "link", "form", "img"), tag
            for name, value in attributes.items():
                assert not name.startswith("on"), (tag, name)
                if name in ("href", "src", "xlink:href"):
                    assert value.startswith("data:image/png;base64," if tag == "image" else "#"), (tag, value)


@pytest.fixture(scope="module")
def oats():
    return fit("yield ~ rep + (1 | gen) + (1 | rep:block)", load_example("john_alpha"))


@pytest.fixture(scope="module")
def hostile():
    """A fit whose columns, labels, nodes, title and table are hostile."""
    rng = np.random.default_rng(7)
    response, factor, group = HOSTILE[0], HOSTILE[1], HOSTILE[4]
    frame = pd.DataFrame(
        {
            factor: [HOSTILE[k % 3] for k in range(40)],
            group: [f"{HOSTILE[k % 5]} {k // 5}" for k in range(40)],
        }
    )
    frame[response] = rng.normal(size=40) + rng.normal(size=8)[np.arange(40) // 5]
    quoted = {name: "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`" for name in frame.columns}
    table = frame.rename(columns={group: "g"})
    read = fit(f"{quoted[response]} ~ {quoted[factor]} + (1 | g)", table)
    names = iter(HOSTILE)
    document = read.document
    changes = [
        Rename(node.id, next(names).replace("/", "\u2215")) for node in list(document.nodes.values())[:5]
    ]
    document = Batch([*changes, SetTitle(HOSTILE[2])]).apply(document)
    return Fitted(estimate(document, read.table), document, read.table, notes=(HOSTILE[0], HOSTILE[4]))


def test_a_report_says_what_the_fit_says(oats) -> None:
    made = report(oats, date="30 November 2026")
    page = Page(made.html)
    page.check()
    for words in ("30 November 2026", "−46.5969", "0.142902"[:6], "rep:block", "Tukey", "converged"):
        assert words.replace("−", "-") in page.text.replace("−", "-"), words
    for version in covstudio.estimate.files.versions().values():
        assert version in page.text
    estimated = SetParameters(oats.estimate.values).apply(oats.document)
    assert " ".join(python_source(estimated, oats.table).split()) in page.text
    titles = [section.title for section in made.sections]
    assert titles == [
        *("In short", "Data", "Model", "Estimates", "Tests", "Means", "Random effects", "Pictures"),
        *("How it was computed", "Program"),
    ]
    tags = [tag for tag, _ in page.tags]
    assert tags.count("math") >= 8
    assert tags.count("figure") >= 5
    assert "http:" not in re.sub(r'xmlns="http://www\.w3\.org/[^"]*"', "", made.html)


def test_no_name_becomes_markup(hostile) -> None:
    made = report(hostile, comparison={HOSTILE[0]: list(HOSTILE)}, title=HOSTILE[1], date=HOSTILE[0])
    page = Page(made.html)
    page.check()
    for text in HOSTILE:
        assert " ".join(text.split()) in page.text, text
    found = notebook(made.notebook)
    for cell in found.cells:
        if cell.cell_type == "markdown" and not cell.source.startswith(("```", "$$")):
            Page(cell.source).check()
            outside = re.sub(r"<[^>]*>", "", cell.source)
            assert "](" not in outside or cell.source.startswith("<")
        for output in cell.get("outputs", ()):
            Page(output.data.get("text/html", "")).check()
            if "image/svg+xml" in output.data:
                ElementTree.fromstring(output.data["image/svg+xml"])


def test_the_same_fit_gives_the_same_bytes(oats, tmp_path) -> None:
    first = report(oats)
    oats.save(tmp_path / "oats.json")
    again = report(read_fit(tmp_path / "oats.json"))
    assert again.html == first.html
    assert again.notebook == first.notebook
    assert report(oats, date="today").html != first.html
    # The same fit on a slower machine.
    steps = tuple(replace(step, seconds=2.0) for step in oats.fit.history)
    slow = replace(oats.estimate, fit=replace(oats.fit, seconds=9.0, history=steps))
    anew = report(Fitted(slow, oats.document, oats.table, oats.notes))
    assert anew.html == first.html
    assert anew.notebook == first.notebook


def test_the_notebook_makes_its_tables_and_pictures_again(oats) -> None:
    made = report(oats, pictures=["qq", "V"])
    found = notebook(made.notebook)
    cells = [cell for cell in found.cells if cell.cell_type == "code"]
    names: dict[str, object] = {}
    exec(cells[0].source, names)
    assert names["found"].loglik == oats.loglik
    frames = [block for part in made.sections for block in part.blocks if getattr(block, "code", "")]
    frames = [block for block in frames if hasattr(block, "frame")]
    assert len(frames) >= 6
    for block in frames:
        again = eval(block.code, names)
        for column in block.frame.columns:
            pd.testing.assert_series_equal(
                again[column].reset_index(drop=True), block.frame[column], check_names=False
            )
    assert [cell.source for cell in cells[-2:]] == ["found.plot('qq')", "found.plot('V')"]


def test_how_it_was_chosen_is_any_table(oats) -> None:
    class Comparison:
        notes = ("by AIC",)

        def table(self):
            return [{"model": "with blocks", "aic": 105.2}, {"model": "without", "aic": 111.0}]

    for given in (Comparison(), pd.DataFrame({"aic": [105.2]}, index=["with blocks"])):
        page = Page(report(oats, comparison=given, pictures=[], program=False).html)
        assert "How it was chosen" in page.text
        assert "with blocks" in page.text
        assert "105.2" in page.text
    compared = compare(fit("yield ~ rep + (1 | gen)", load_example("john_alpha")), oats)
    page = Page(report(oats, comparison=compared, pictures=[], program=False).html)
    for words in (
        "8.606",
        "½ χ²(0) + ½ χ²(1)",
        "The same in all: method REML, n 72",
        "1 yield ~ rep + (1 | gen)",
    ):
        assert words in page.text
    with pytest.raises(TypeError, match=r"A comparison is a table.*; got int"):
        report(oats, comparison=3)
    with pytest.raises(ValueError, match="no picture of a fit 'nothing'"):
        report(oats, pictures=["nothing"])
    with pytest.raises(TypeError, match=r"as covstudio\.fit gives for a formula; got Fit"):
        report(oats.fit)
    with pytest.raises(ValueError, match=r"ends in \.html or \.ipynb"):
        report(oats, pictures=[]).save("report.pdf")


def test_what_did_not_converge_says_so_first() -> None:
    frame = pd.DataFrame({"y": [1.0, 2.0, 1.5, 2.5, 1.0, 2.0], "g": list("aabbcc")})
    found = fit("y ~ 1 + (1 | g)", frame)
    assert found.fit.verdict == "at the boundary"
    short = report(found, pictures=[]).sections[0].blocks
    assert short[0].look == "warning"
    assert short[0].words == found.fit.message


def test_the_command_line_reports_on_models_formulas_and_saved_fits(
    oats, tmp_path, capsys, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    oats.save("fit.json")
    (tmp_path / "oats.csv").write_text(oats.table.to_csv(), encoding="utf-8")
    assert main(["report", "fit.json", "-o", "saved.html", "--title", "Oats & more"]) == 0
    assert (tmp_path / "saved.html").read_text("utf-8") == report(oats, title="Oats & more").html
    formula = "yield ~ rep + (1 | gen) + (1 | rep:block)"
    assert main(["report", formula, "oats.csv", "-o", "oats.ipynb", "--no-program", "--test-terms"]) == 0
    found = notebook((tmp_path / "oats.ipynb").read_text("utf-8"))
    assert "46.5969" in json.dumps(found)
    assert "V without a term" in json.dumps(found)
    assert "The report is in oats.ipynb" in capsys.readouterr().err
    assert main(["report", "fit.json", "oats.csv"]) == 1
    assert "leave out oats.csv" in capsys.readouterr().err


def test_every_structure_has_its_formula() -> None:
    for entry in catalogue():
        example = entry.example()
        values = dict.fromkeys(example.param_names, 0.5)
        equation = equation_of(example, values)
        lines = [*equation.terms, *(one.formula for one in equation.definitions)]
        lines += [value for one in equation.definitions for value in one.values]
        for line in lines:
            made = mathml(equation, line)
            assert made.startswith("<math"), (entry.name, line)
            ElementTree.fromstring(made)
        assert equation.latex.count("\\begin{") == equation.latex.count("\\end{"), entry.name


def test_a_formula_that_nothing_reads_is_shown_as_it_is() -> None:
    equation = Equation((), (), ("<b>",))
    assert mathml(equation, "x^a^{\\text{\ue000}}") == "<code>x^a^{\\text{&lt;b&gt;}}</code>"
