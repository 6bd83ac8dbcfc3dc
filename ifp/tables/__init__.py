"""Tables of findings, the same on the terminal and in the report; one file per kind.

It knows neither terminal nor HTML, and may import :mod:`ifp.training` and what that may.
"""
