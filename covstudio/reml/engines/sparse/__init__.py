"""The engine of sparse mixed-model equations."""
