"""What is done with a finished run: its images encoded and scored, latents traversed, diffusion diagnosed.

It trains nothing and draws no page, and may import every room that makes runs of one model.
"""
