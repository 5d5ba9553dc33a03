"""The public name of documents as JSON; reading and writing are in `covstudio.document.files`."""

from covstudio.document.files.write import VERSION, DocumentError, dumps, loads

__all__ = ["VERSION", "DocumentError", "dumps", "loads"]
