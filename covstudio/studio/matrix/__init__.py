"""Live pictures of V and its derivatives."""
