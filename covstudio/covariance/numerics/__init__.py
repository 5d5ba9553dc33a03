"""Numerical helpers without parameters: Bessel functions, partial autocorrelations, bases, distances."""
