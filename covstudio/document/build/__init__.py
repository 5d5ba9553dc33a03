"""From a document to a matrix, or to problems pinned to its nodes."""
