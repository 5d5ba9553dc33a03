"""Parquet and Feather: columns with types, taken as they are. They need pyarrow, the extra `arrow`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from covstudio.data.errors import TableError
from covstudio.data.frames import table_of
from covstudio.data.readers import READERS, File, Reader
from covstudio.data.source import FIRST_LINES, MAX_CELLS, RawTable, too_much

#: What pandas calls the names of rows that it writes.
_ROW_NAMES = "__index_level_0__"


def _parquet(file: File) -> Any:
    from pyarrow import BufferReader
    from pyarrow.parquet import ParquetFile

    parts = ParquetFile(BufferReader(file.data))
    _check_size(parts.metadata.num_rows * parts.metadata.num_columns)
    return parts.read()


def _feather(file: File) -> Any:
    from pyarrow import BufferReader, Table
    from pyarrow.ipc import open_file

    if file.data.startswith(b"FEA1"):
        from pyarrow.feather import read_table

        return read_table(BufferReader(file.data))
    reader = open_file(BufferReader(file.data))
    batches, cells = [], 0
    for place in range(reader.num_record_batches):
        batches.append(reader.get_batch(place))
        cells += batches[-1].num_rows * batches[-1].num_columns
        _check_size(cells)
    return Table.from_batches(batches, reader.schema)


def _check_size(cells: int) -> None:
    if cells > MAX_CELLS:
        raise TableError(too_much(f"The file has {cells:,} cells", MAX_CELLS))


def _register(
    name: str, title: str, mark: tuple[bytes, ...], suffix: str, opened: Callable[[File], Any]
) -> None:
    def read(file: File) -> RawTable:
        try:
            import pyarrow as arrow
        except ImportError:
            raise TableError(
                f"This is {title}, and pyarrow, which reads it, is not installed: pip install "
                "'covstudio[arrow]'. Or "
                "save the table as csv or xlsx."
            ) from None
        try:
            found = opened(file)
        except (arrow.ArrowException, OSError, ValueError) as error:
            if isinstance(error, TableError):
                raise
            reason = str(error).splitlines()[0].rstrip(".")
            raise TableError(
                f"This is {title}, and it is damaged: {reason}. Save or download it again."
            ) from None
        first = tuple(f"{field.name}: {field.type}" for field in found.schema)[:FIRST_LINES]
        names = ["rowname" if field.name == _ROW_NAMES else field.name for field in found.schema]
        columns = [
            column.cast(arrow.float64()) if arrow.types.is_decimal(column.type) else column
            for column in found.columns
        ]
        frame = arrow.table(columns, names=names).to_pandas(ignore_metadata=True)
        none = np.zeros(0, dtype=np.int64)
        return RawTable((), (), none, ",", (), first=first, typed=table_of(frame, file.name))

    READERS.register(
        Reader(
            name,
            title,
            (suffix,),
            lambda file: f"it begins as {title} does" if file.data.startswith(mark) else "",
            read,
            order=15,
        )
    )


_register("parquet", "a Parquet file", (b"PAR1",), ".parquet", _parquet)
_register("feather", "a Feather file", (b"ARROW1", b"FEA1"), ".feather", _feather)
