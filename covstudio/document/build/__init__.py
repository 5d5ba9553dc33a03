"""From a document to a matrix, or to problems pinned to its nodes."""

from covstudio.document.build.build import build
from covstudio.document.build.built import Build, ParameterRef, Problem
from covstudio.document.build.of_matrix import NotADocument, document_of

__all__ = ["Build", "NotADocument", "ParameterRef", "Problem", "build", "document_of"]
