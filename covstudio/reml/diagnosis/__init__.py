"""What a fit cannot tell: confounded, unbounded and indefinite parameters."""
