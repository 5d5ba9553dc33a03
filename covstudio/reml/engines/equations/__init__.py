"""The shared parts of engines of mixed-model equations: residuals, cross-products, absorption."""
