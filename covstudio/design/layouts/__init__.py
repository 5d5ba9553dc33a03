"""Designs without data: which treatment stands on which plot, one family to a file."""
