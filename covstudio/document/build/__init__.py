"""From a document to a matrix, or to problems pinned to its nodes."""

from covstudio.document.build.build import Build, ParameterRef, Problem, build

__all__ = ["Build", "ParameterRef", "Problem", "build"]
