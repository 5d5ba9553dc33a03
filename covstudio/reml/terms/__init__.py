"""What V is a sum of."""
