"""Studies: objectives trained and scored over seeds, or runs at hand, side by side.

It may import :mod:`ifp.evaluation` and all that stands below; it knows no page and no command.
"""
