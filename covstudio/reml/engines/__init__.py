"""Engines: log-likelihood, score and average information, each for the V it is made for."""
