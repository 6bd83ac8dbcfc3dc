"""Scores of disentanglement, one file each; what a module lists in ``MEASURES`` every command knows."""
