"""The cheap algebra of operators, one file per family."""
