"""Public data sets: one module per family, each naming its members in ``FAMILY``; a file here is known everywhere."""
