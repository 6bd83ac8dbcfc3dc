"""Scores of disentanglement, one file each."""
