"""Closed-form freezing points of a data set, with nothing trained: contexts, the freezing order, the whole set.

It knows neither runs nor networks that learn, and may import :mod:`ifp.datasets`, :mod:`ifp.machine`, and the two
packages below.
"""
