"""One self-contained HTML page per run, or of several: what was done, what was found, how to do it again.

What lives here: the parts of a page, and the sections of each kind of run. It measures nothing, and may import
:mod:`ifp.tables`, :mod:`ifp.comparison` and all that stands below.
"""
