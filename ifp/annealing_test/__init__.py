"""The annealing test: cases swept piece by piece in contexts that all factors share, freezing.csv, its diagnosis.

It knows no training run, and may import :mod:`ifp.run_directory`, :mod:`ifp.closed_form` and what these may.
"""
