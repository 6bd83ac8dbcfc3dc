"""Curves and codes to findings: distributions of freezing points, information, stages, scores, figures.

Knows no training and no files of a run beyond the records it is handed.
"""
