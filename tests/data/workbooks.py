"""Workbooks as spreadsheet programs write them, made of what stands in their cells."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from xml.sax.saxutils import escape

from covstudio.data.files.workbook import cell_name

_TYPES = """<?xml version="1.0"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
<Default Extension="xml" ContentType="application/xml"/>
<Override PartName="/xl/workbook.xml"
 ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>"""
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
_RELATIONS = f'<?xml version="1.0"?>\n<Relationships xmlns="{_PACKAGE}">'
_OF = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_STYLES = f"""<?xml version="1.0"?>
<styleSheet {_MAIN}><cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="14" applyNumberFormat="1"/></cellXfs>
</styleSheet>"""


@dataclass(frozen=True)
class Formula:
    """A formula, with the value that the program computed for it; None where it was never opened there."""

    text: str
    value: float | None


@dataclass(frozen=True)
class Sheet:
    """Rows of cells, ranges that are merged ("A2:A4"), and whether it is hidden."""

    rows: Sequence[Sequence[object]]
    merged: Sequence[str] = field(default=())
    hidden: bool = False


def workbook(sheets: Mapping[str, Sheet], more: Mapping[str, str] | None = None) -> bytes:
    """The bytes of an .xlsx file, with further parts or others in place of its own."""
    names, relations = [], []
    parts: dict[str, str] = {}
    for number, (name, sheet) in enumerate(sheets.items(), start=1):
        state = ' state="hidden"' if sheet.hidden else ""
        names.append(f'<sheet name="{escape(name)}" sheetId="{number}"{state} r:id="r{number}"/>')
        relations.append(
            f'<Relationship Id="r{number}" Type="{_OF}/worksheet" Target="worksheets/s{number}.xml"/>'
        )
        parts[f"xl/worksheets/s{number}.xml"] = _sheet(sheet)
    styles = f'<Relationship Id="s" Type="{_OF}/styles" Target="styles.xml"/>'
    parts |= {
        "[Content_Types].xml": _TYPES,
        "_rels/.rels": f'{_RELATIONS}<Relationship Id="w" Type="{_OF}/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<?xml version="1.0"?><workbook {_MAIN} xmlns:r="{_OF}">'
        f"<sheets>{''.join(names)}</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f"{_RELATIONS}{''.join(relations)}{styles}</Relationships>",
        "xl/styles.xml": _STYLES,
    }
    parts |= more or {}
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for part, text in parts.items():
            archive.writestr(part, text)
    return stream.getvalue()


def _sheet(sheet: Sheet) -> str:
    cells = [
        [_cell(cell_name(at, j), value) for j, value in enumerate(row)] for at, row in enumerate(sheet.rows)
    ]
    rows = "".join(f'<row r="{at}">{"".join(row)}</row>' for at, row in enumerate(cells, start=1))
    ranges = "".join(f'<mergeCell ref="{one}"/>' for one in sheet.merged)
    merged = f'<mergeCells count="{len(sheet.merged)}">{ranges}</mergeCells>' if ranges else ""
    return f'<?xml version="1.0"?><worksheet {_MAIN}><sheetData>{rows}</sheetData>{merged}</worksheet>'


def _cell(name: str, value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return f'<c r="{name}" t="b"><v>{int(value)}</v></c>'
    if isinstance(value, date):
        return f'<c r="{name}" s="1"><v>{(value - date(1899, 12, 30)) // timedelta(days=1)}</v></c>'
    if isinstance(value, Formula):
        found = "" if value.value is None else f"<v>{value.value!r}</v>"
        return f'<c r="{name}"><f>{escape(value.text)}</f>{found}</c>'
    if isinstance(value, str):
        kind = ' t="e"><v>' if value.startswith("#") else ' t="inlineStr"><is><t>'
        end = "</v>" if value.startswith("#") else "</t></is>"
        return f'<c r="{name}"{kind}{escape(value)}{end}</c>'
    return f'<c r="{name}"><v>{value!r}</v></c>'
