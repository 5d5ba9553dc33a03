"""Models in files, and the command that is called with them."""

from dataclasses import replace

import pytest

from covstudio.cli import main
from covstudio.data.examples import load_example
from covstudio.document.files.templates import templates
from covstudio.document.files.write import dumps


@pytest.fixture(scope="module")
def table():
    return load_example("john_alpha")


@pytest.fixture(scope="module")
def document(table):
    return templates()[0].document(table)


@pytest.fixture
def model(tmp_path, document):
    """A model saved without its table, its response and its fixed effects."""
    path = tmp_path / "model.json"
    path.write_text(dumps(replace(document, response=None, fixed_effects="1")), encoding="utf-8")
    return str(path)


@pytest.fixture
def full(tmp_path, document, table):
    """A model saved with everything."""
    path = tmp_path / "full.json"
    path.write_text(dumps(document, table), encoding="utf-8")
    return str(path)


@pytest.fixture
def run(capsys):
    """Run a command: its exit code, what it printed, and what it complained of."""

    def command(*words) -> tuple[int, str, str]:
        code = main([str(word) for word in words])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return command
