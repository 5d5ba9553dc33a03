"""The terms that V is a sum of."""
