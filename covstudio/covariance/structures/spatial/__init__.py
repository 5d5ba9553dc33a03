"""Structures of distances, and inner products."""
