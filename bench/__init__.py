"""Measurements beside the product's budgets; printed, and kept in build/bench.json. Never asserted in a test."""
