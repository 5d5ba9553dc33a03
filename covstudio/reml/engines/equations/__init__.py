"""What engines of mixed-model equations share: residuals, cross-products, absorption."""
