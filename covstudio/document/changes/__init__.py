"""Changes of a document, and their history."""
