"""Training runs: settings, stage plans, the loop, the trace on a fixed probe set, checkpoints, what a run writes.

It knows no scores beyond the MIG that a run ends with, no comparison and no page, and may import
:mod:`ifp.run_directory`, :mod:`ifp.objectives`, :mod:`ifp.models` and what these may.
"""
