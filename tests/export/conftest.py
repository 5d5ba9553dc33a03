"""The module of structures of one's own is imported by its tests alone: importing it registers them."""

collect_ignore = ["own_structures.py"]
