"""Units of measurement, as the line below the names of columns holds them."""

from __future__ import annotations

import re

#: Parts of units, kinds of values, and a few words of German for them.
_WORDS = """
    t ha kg g mg µg μg ug ng dt dz q lb lbs oz bu ac m dm cm mm µm μm um nm km in inch inches ft yd
    l L dl ml mL µl μl ul hl s sec secs second seconds min mins minute minutes h hr hrs hour hours d day days
    wk week weeks mo month months yr year years a °C °F C F K Pa hPa kPa mmHg bar W kW MW J kJ MJ kcal cal
    N V mV A mA Ohm mol mmol µmol umol M mM µM uM ppm ppb % ‰ deg degree degrees ° rad
    count counts no no. nr # pct percent units unit points score dimensionless none SE SD
    lux lx dB Hz kHz MHz IU U cfu
    numeric number double float integer int logical character char string text factor categorical ordinal
    nominal date datetime chr dbl lgl fct dttm num
    Tag Tage Woche Wochen Jahr Jahre Stunde Stunden Stk Stück Anzahl Datum Zahl Text
"""
_PARTS = frozenset(_WORDS.split())
_BETWEEN = re.compile(r"[\s/*·.^²³⁻¹()\[\]{}<>0-9+\u2212-]+")
_BRACKETS = re.compile(r"[\[(<{]\s*[^\W\d].*[\])>}]")


def is_unit(text: str) -> bool:
    """Whether a text reads as a unit, a kind of value, or a sign for none.

    Example:
        >>> is_unit("t/ha"), is_unit("[g m-2]"), is_unit("(kg)"), is_unit("-"), is_unit("yield")
        (True, True, True, True, False)
    """
    plain = text.strip()
    if not any(map(str.isalnum, plain)) or _BRACKETS.fullmatch(plain):
        return True
    if plain[0].isdigit():
        return False
    parts = [part for part in _BETWEEN.split(plain) if part]
    return bool(parts) and all(part in _PARTS for part in parts)
