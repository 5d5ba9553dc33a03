"""The story in Firefox: `make test-portable`, or `-m firefox`."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from browsers import FIREFOX
from node import SOURCES, npm

from tests.studio.story import CALLED, FACTORS, FIXED, LOGLIK, PIECES, TABLE, VARIANCES, check_program

pytestmark = pytest.mark.firefox


def test_from_palette_to_fit(server_url: str, tmp_path: Path) -> None:
    assert FIREFOX.path(), "expected Firefox on this machine: run python tools/browsers.py firefox"
    assert (SOURCES / "node_modules/puppeteer-core").exists(), "expected what drives it: run make frontend"
    saved = tmp_path / "saved"
    saved.mkdir()
    story = {
        "firefox": FIREFOX.path(),
        "url": server_url,
        "table": str(TABLE),
        "folder": str(saved),
        "pieces": PIECES,
        "factors": FACTORS,
        "variances": dict(zip(CALLED, VARIANCES.values(), strict=True)),
        "fixed": FIXED,
        "loglik": LOGLIK,
    }
    (tmp_path / "story.json").write_text(json.dumps(story), encoding="utf-8")
    environment = {**os.environ, "COVSTUDIO_STORY": str(tmp_path / "story.json")}
    told = subprocess.run(
        [*npm(), "run", "--silent", "firefox"],
        cwd=SOURCES,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert told.returncode == 0, told.stdout

    (model,) = saved.glob("*.json")
    check_program((saved / "copied.py").read_text(encoding="utf-8"), model, tmp_path)
