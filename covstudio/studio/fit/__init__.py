"""Fits in worker processes, and their results."""
