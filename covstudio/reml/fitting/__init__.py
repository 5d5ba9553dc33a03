"""From y, X and V to a Fit: the choice of an engine, the search, the report."""
