"""What one person is working on, and what views are made of."""
