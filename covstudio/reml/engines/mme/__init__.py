"""The engine of dense mixed-model equations."""
