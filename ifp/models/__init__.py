"""The models that are trained: networks by name or the user's own, the VAE of several encoders, its optimizer's state.

It knows neither data sets nor runs nor objectives, and may import :mod:`annealing` alone.
"""
