"""The engine that writes V out."""
