"""A fit as JSON with its model, its table and the versions it was made by; nothing is fitted again."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import Any

import msgspec
import torch

import covstudio
from covstudio.data.tables import Table
from covstudio.document.files.write import DocumentError, loads, model_and_data, parsed, written
from covstudio.document.model.document import Document
from covstudio.estimate.fitted import Estimate
from covstudio.records import RecordError, from_record, to_record

__all__ = ["FIT_VERSION", "FitFile", "FitFileError", "dumps", "estimate_from", "estimate_text", "reads"]

#: Of the layout of the file.
FIT_VERSION = 1
_CHOOSE = "Choose a file that `save` of a fit has written."


class FitFileError(ValueError):
    """A file that is no saved fit, or a later one; the message says what was expected and what came."""


@dataclass(frozen=True, eq=False)
class FitFile:
    """A fit that was saved.

    Attributes:
        estimate: everything that was estimated.
        document: the model, with the choices about its table.
        table: the data.
        notes: how a formula was read, where that needed saying.
        versions: what the fit was made by: covstudio, torch, numpy, scipy, python.
    """

    estimate: Estimate
    document: Document
    table: Table
    notes: tuple[str, ...]
    versions: Mapping[str, str]


def versions() -> dict[str, str]:
    """What a fit is made by here, by name."""
    others = {name: metadata.version(name) for name in ("numpy", "scipy")}
    return {
        "covstudio": covstudio.__version__,
        "torch": torch.__version__,
        **others,
        "python": platform.python_version(),
    }


def dumps(
    estimate: Estimate,
    document: Document,
    table: Table,
    notes: Sequence[str] = (),
    made_by: Mapping[str, str] | None = None,
) -> str:
    """A fit as JSON text.

    Args:
        estimate: everything that was estimated.
        document: the model.
        table: the data.
        notes: how a formula was read.
        made_by: the versions of a fit that was read from a file; those that run now when left out.

    Returns:
        Text that `reads` reads back to the same numbers, to the last bit.

    Example:
        >>> from covstudio.data.examples import load_example
        >>> from covstudio.document.files.templates import templates
        >>> from covstudio.estimate import estimate as fitted
        >>> table = load_example("john_alpha")
        >>> document = templates()[0].document(table)
        >>> found = fitted(document, table)
        >>> reads(dumps(found, document, table)).estimate.fit.loglik == found.fit.loglik
        True
    """
    content = {
        "covstudio_fit": FIT_VERSION,
        "versions": dict(versions() if made_by is None else made_by),
        **model_and_data(document, table),
        "notes": list(notes),
        "estimate": to_record(estimate),
    }
    return written(content) + "\n"


def reads(text: str | bytes) -> FitFile:
    """The fit in a JSON text, with its model and its table; nothing is fitted again.

    Args:
        text: what `dumps` wrote.

    Raises:
        FitFileError: the text is no saved fit, of a later version, or without its table; the message says
            where.
    """
    try:
        content = parsed(text)
    except DocumentError as error:
        raise FitFileError(str(error)) from None
    if not isinstance(content, dict) or "covstudio_fit" not in content:
        raise FitFileError(
            f'This is no saved fit: it does not begin with {{"covstudio_fit": 1, ...}}. {_CHOOSE}'
        )
    version = content["covstudio_fit"]
    if version != FIT_VERSION:
        raise FitFileError(
            f"The file is of version {version!r:.40}, and this covstudio reads version {FIT_VERSION}. "
            "Upgrade covstudio to read it, or fit again."
        )
    wanted = {"covstudio_fit", "versions", "covstudio", "model", "data", "notes", "estimate"}
    if set(content) != wanted:
        odd = ", ".join(sorted(map(str, set(content) ^ wanted)))[:80]
        raise FitFileError(
            f"A saved fit has {', '.join(sorted(wanted))}; here it is otherwise with: {odd}. {_CHOOSE}"
        )
    model = {name: content[name] for name in ("covstudio", "model", "data")}
    try:
        document, table = loads(msgspec.json.encode(model))
        notes = from_record(tuple[str, ...], content["notes"], "notes")
        made_by = from_record(dict[str, str], content["versions"], "versions")
        estimate = from_record(Estimate, content["estimate"], "estimate")
    except (DocumentError, RecordError) as error:
        raise FitFileError(f"The saved fit cannot be read: {error}. {_CHOOSE}") from None
    assert table is not None, "data is there"
    return FitFile(estimate, document, table, notes, made_by)


def estimate_text(estimate: Estimate) -> bytes:
    """An estimate alone as JSON, for whoever keeps its model and table elsewhere."""
    return msgspec.json.encode(to_record(estimate))


def estimate_from(text: bytes) -> Estimate:
    """The estimate in what `estimate_text` wrote.

    Raises:
        FitFileError: it is none.
    """
    try:
        content: Any = msgspec.json.decode(text)
        return from_record(Estimate, content, "estimate")
    except (msgspec.DecodeError, RecordError) as error:
        raise FitFileError(f"The saved fit cannot be read: {error}.") from None
