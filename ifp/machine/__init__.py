"""What a result may depend on beside its settings: threads, memory, devices, precision, processes, versions, clusters.

What lives here: each of these set and read in one place, and the protocol of progress. It knows nothing of images,
models or runs, and may import :mod:`annealing` alone.
"""
