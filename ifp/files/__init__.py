"""Files: written whole or not at all, and read strictly: npz, JSON, CSV, arrays that users hand over, names for files.

It knows neither runs nor data sets, unpickles nothing, and may import :mod:`analysis` and :mod:`annealing`.
"""
