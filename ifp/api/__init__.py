"""The functions and the handle that ``ifp`` offers to Python, one module per verb.

:mod:`ifp.api.kinds` is the one table of what is done with each kind of run. Everything but the command line may be
imported here, and nothing but the command line imports this.
"""
