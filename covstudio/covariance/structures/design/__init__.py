"""Incidence and design matrices."""
