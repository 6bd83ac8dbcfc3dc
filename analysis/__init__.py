"""From curves and codes to findings: distributions of freezing points, information, stages, scores, figures.

It knows nothing of training, and of a run only the records that it is given.
"""
