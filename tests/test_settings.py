"""Settings: read from the environment, options of the command, and the page that lists them."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
import settings_page

from covstudio import settings
from covstudio.cli import USAGE, main
from covstudio.settings import SETTINGS

ROOT = Path(__file__).parents[1]

#: Setting -> a text that makes sense, its value, and one that does not.
TEXTS = {
    "prefix": ("tools/covstudio/", "/tools/covstudio", "/a b"),
    "proxy-headers": ("yes", True, "perhaps"),
    "embed-in": (
        "https://a.org, https://b.org:8080",
        ("https://a.org", "https://b.org:8080"),
        "a.org; script-src *",
    ),
    "session-minutes": ("0.5", 0.5, "nan"),
    "processes": ("2", 2, "0"),
    "upload-mb": (" 20 ", 20, "1e3"),
    "workers": ("3", 3, "²"),
    "scheduler": ("tls://[fd00::5]:8786", "tls://[fd00::5]:8786", "the cluster"),
}


def test_the_page_lists_them_as_they_are_declared() -> None:
    page = settings_page.PAGE.read_text(encoding="utf-8")
    assert settings_page.written(page) == page, "make docs"


def test_what_the_program_reads_of_the_environment_is_declared() -> None:
    named = {one.variable for one in SETTINGS}
    for path in (ROOT / "covstudio").rglob("*.py"):
        found = set(re.findall(r"\bCOVSTUDIO_[A-Z_]+\b", path.read_text(encoding="utf-8")))
        assert found <= named, path


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_is_read_or_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text, value, wrong = TEXTS[name]
    (setting,) = (one for one in SETTINGS if one.name == name)
    monkeypatch.delenv(setting.variable, raising=False)
    assert setting() == setting.default
    monkeypatch.setenv(setting.variable, text)
    assert setting() == value
    monkeypatch.setenv(setting.variable, wrong)
    with pytest.raises(ValueError, match=f"^{setting.variable} is .*expected.*unset it"):
        setting()


def test_options_hand_settings_to_every_process(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from covstudio.studio import page

    found = {}
    monkeypatch.setattr(
        page, "serve", lambda **_: found.update(idle=settings.MAX_IDLE(), proxy=settings.PROXY_HEADERS())
    )
    for name in ("COVSTUDIO_MAX_IDLE", "COVSTUDIO_PROXY_HEADERS"):
        monkeypatch.setenv(name, "")  # so that it is what it was, afterwards
    assert main(["serve", "--max-idle", "7", "--proxy-headers"]) == 0
    assert found == {"idle": 7, "proxy": True}
    assert os.environ["COVSTUDIO_MAX_IDLE"] == "7"
    assert main(["serve", "--max-idle", "few"]) == USAGE
    assert "--max-idle is 'few', and a whole number from 1 to 100000 is expected" in capsys.readouterr().err
