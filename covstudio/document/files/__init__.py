"""Documents as JSON, and the templates that come with the package."""
