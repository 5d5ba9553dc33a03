"""Structures that a user writes as functions."""
