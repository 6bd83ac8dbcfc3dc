"""A training loop of anybody's own that is watched: its readings, its records, what is told as it happens, its run.

It knows no model, optimizer or loss of its own, and may import :mod:`ifp.training` and the rooms below.
"""
