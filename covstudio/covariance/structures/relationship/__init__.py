"""Known matrices and relationships of individuals."""
