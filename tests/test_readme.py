"""What the README says is true: its program runs, its commands and pictures are there."""

import re
from pathlib import Path

import counts
import docs_pictures
import pytest

from tests.programs import run_program

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / name
    for name in (
        "README.md",
        "CONTRIBUTING.md",
        "docs/after.md",
        "docs/architecture.md",
        "docs/coming-from.md",
        "docs/comparing.md",
        "docs/designs.md",
        "docs/formulas.md",
        "docs/from-torch-openreml.md",
        "docs/gallery/README.md",
        "docs/gallery/field-trials.md",
        "docs/gallery/processes.md",
        "docs/gallery/relatives.md",
        "docs/gallery/repeated-measures.md",
        "docs/inference.md",
        "docs/performance.md",
        "docs/plots.md",
        "docs/relationships.md",
        "docs/reml.md",
        "docs/report.md",
        "docs/stages.md",
        "docs/tables.md",
        "docs/why.md",
    )
]


def test_the_program_of_the_readme_runs(tmp_path):
    program = re.search(r"```python\n(.*?)```", PAGES[0].read_text(encoding="utf-8"), re.S)
    done = run_program(program[1], tmp_path)
    assert done.code == 0, done.stderr
    assert "-46.5969" in done.stdout
    assert "0.142902" in done.stdout


@pytest.mark.parametrize(
    "name",
    [
        "docs/after.md",
        "docs/coming-from.md",
        "docs/comparing.md",
        "docs/designs.md",
        "docs/formulas.md",
        "docs/plots.md",
        "docs/relationships.md",
        "docs/reml.md",
        "docs/report.md",
        "docs/from-torch-openreml.md",
        "docs/stages.md",
        "docs/tables.md",
        "docs/why.md",
    ],
)
def test_the_programs_of_a_page_print_what_it_says(name, tmp_path):
    page = (ROOT / name).read_text(encoding="utf-8")
    parts = re.findall(r"```python\n(.*?)```(?:\n\n```text\n(.*?)```)?", page, re.S)
    assert page.count("```python") == len(parts)
    assert page.count("```text") == sum(bool(text) for _, text in parts)
    program = "\nprint('-- next --')\n".join(code for code, _ in parts)
    done = run_program(program, tmp_path)
    assert done.code == 0, done.stderr
    for (code, said), printed in zip(parts, done.stdout.split("-- next --\n"), strict=True):
        assert printed == said, code


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page):
    text = page.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#]+)\)|src=\"([^\"#]+)\"|^\[[^]]+\]: ([^\s#]+)", text, re.MULTILINE)
    for link in map("".join, links):
        of_repository = link.partition("/covstudio/covstudio/")[2]
        if of_repository.startswith(("blob/main/", "tree/main/", "main/")):
            assert (ROOT / of_repository.partition("main/")[2]).exists(), link
        else:
            assert link.startswith("http") or (page.parent / link).exists(), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_name_of_a_link_is_defined(page):
    text = re.sub(r"```.*?```|`[^`]*`", "", page.read_text(encoding="utf-8"), flags=re.S)
    defined = set(re.findall(r"^\[([^]]+)\]: ", text, re.MULTILINE))
    used = set(re.findall(r"\]\[([^]]+)\]", text)) | set(re.findall(r"\[([\w/.-]+\.md)\](?![(:])", text))
    assert used <= defined


def test_the_readme_shows_the_same_away_from_the_repository():
    text = PAGES[0].read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)]+)\)|src=\"([^\"]+)\"|^\[[^]]+\]: (\S+)", text, re.MULTILINE)
    assert [link for link in map("".join, links) if not link.startswith("https://")] == []


def test_every_make_command_named_in_the_pages_exists():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for page in PAGES:
        for target in re.findall(r"^ {4}make (\w+)|`make (\w+)`", page.read_text(encoding="utf-8"), re.M):
            name = "".join(target)
            assert re.search(rf"^{name}:", makefile, re.M), f"make {name} in {page.name}"


def test_what_the_pages_count_is_counted():
    known = counts.counts()
    named = set()
    for page in counts.pages():
        text = page.read_text(encoding="utf-8")
        assert text == counts.counted(text, known), f"{page.name}: run `make docs` and commit it"
        named |= {noun.lower() for _, noun in counts.pattern(known).findall(text)}
    assert {"structures", "engines"} <= named


def test_a_count_is_corrected_as_it_is_written():
    known = {"structures": 66, "engines": 6}
    text = "Its 65 structures, five engines. Five engines; 5 engines; ten structures, all engines."
    right = "Its 66 structures, six engines. Six engines; 6 engines; 66 structures, all engines."
    assert counts.counted(text, known) == right


def test_the_pictures_of_the_pages_are_those_that_are_drawn():
    drawn = {f"{name}.svg" for name in docs_pictures.PICTURES}
    assert {path.name for path in docs_pictures.FOLDER.iterdir()} == drawn
    shown = {
        Path(name).name
        for page in PAGES
        for name in re.findall(r"\]\(([^)]+\.svg)\)", page.read_text("utf-8"))
    }
    assert drawn <= shown
