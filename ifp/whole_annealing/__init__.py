"""Whole-data annealing: one network with many latents on all data while the pressure moves.

It trains with the loop of :mod:`ifp.training` and writes the freezing.csv of :mod:`ifp.annealing_test`; both it may
import, and what these may.
"""
