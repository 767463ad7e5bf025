"""The core: every rule of the business, and nothing that draws."""
