"""The exported program."""
