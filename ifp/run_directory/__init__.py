"""Run directories: what kind a run is, its lock, its checksums, and how one is found, verified and resumed.

It knows no kind's tables, figures or settings, and may import :mod:`ifp.datasets`, :mod:`ifp.files`,
:mod:`ifp.machine`, and the two packages below.
"""
