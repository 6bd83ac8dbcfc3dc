"""Figures: each file draws one, from tables, and returns it unsaved."""
