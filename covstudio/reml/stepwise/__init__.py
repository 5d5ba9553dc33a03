"""Class REML: a fit one piece at a time."""
