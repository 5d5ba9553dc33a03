"""y, X and the method: checks, likelihood, errors."""
