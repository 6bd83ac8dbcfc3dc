"""Images to curves: networks under a falling or rising pressure beta, and the pressures at which latents freeze.

Knows no data-set names, no run directories and no terminal.
"""
