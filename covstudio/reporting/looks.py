"""The style sheet of a report: for screens, light and dark, and for paper."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from covstudio.plots.style import LOOKS

__all__ = ["STYLE"]

_RULES = Path(__file__).with_name("report.css")
#: The inks of the page, those of the studio (`studio/assets/theme.css`), by theme.
_INKS = {
    "light": {
        "ground": "#ffffff",
        "sunken": "#f4f5f8",
        "line": "#e2e5eb",
        "edge": "#c8cdd7",
        "ink": "#1a1e26",
        "muted": "#5a6373",
        "accent": "#4f5bd5",
        "matrix": "#0b7a6f",
        "operator": "#9a5b00",
        "problem": "#bd322b",
        "problem-soft": "#fdeceb",
    },
    "dark": {
        "ground": "#16191f",
        "sunken": "#1d2129",
        "line": "#282d36",
        "edge": "#424956",
        "ink": "#e6e9ef",
        "muted": "#9aa3b3",
        "accent": "#8b93f8",
        "matrix": "#43c4b2",
        "operator": "#e8ac4a",
        "problem": "#ff857c",
        "problem-soft": "#3b1a1a",
    },
}


def _variables(theme: str) -> str:
    """The inks of a theme, of the page and of its pictures, as declarations."""
    look = LOOKS[theme]
    inks = dict(_INKS[theme])
    inks |= {f"plot-{one.name}": getattr(look, one.name) for one in fields(look) if one.name != "groups"}
    inks |= {f"plot-group-{k}": ink for k, ink in enumerate(look.groups)}
    inks |= {"plot-light": "inline" if theme == "light" else "none"}
    inks |= {"plot-dark": "inline" if theme == "dark" else "none"}
    return "".join(f"--{name}:{value};" for name, value in inks.items())


#: All of it: light, and dark on a screen whose reader wants it dark.
STYLE = (
    f":root{{color-scheme:light;{_variables('light')}}}\n"
    f"@media screen and (prefers-color-scheme:dark){{:root{{color-scheme:dark;{_variables('dark')}}}}}"
    f"\n{_RULES.read_text(encoding='utf-8')}"
)
