"""Small tables as files."""

import io
import zipfile

import pytest

from covstudio.data import TableError, read_table

GOOD = "rep,gen,yield\nR1,G1,4.1\nR2,G2,3.9\n"


def refused(data: bytes | str, **options) -> str:
    """The message with which a table is refused, on one line."""
    with pytest.raises(TableError) as caught:
        read_table(data.encode() if isinstance(data, str) else data, **options)
    message = str(caught.value)
    assert message.endswith((".", "?")), message
    assert len(message) < 600
    return message


def workbook(name: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(name, "<worksheet/>")
    return stream.getvalue()
