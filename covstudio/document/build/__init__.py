"""From a document to a matrix, or to problems pinned to its nodes."""

from covstudio.document.build.build import Build, ParameterRef, Problem, build
from covstudio.document.build.of_matrix import NotADocument, document_of

__all__ = ["Build", "NotADocument", "ParameterRef", "Problem", "build", "document_of"]
