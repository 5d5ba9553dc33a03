"""Parameters that a fit cannot tell: confounded, unbounded and indefinite ones."""
