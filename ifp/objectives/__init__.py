"""Objectives: what pressure acts at each step, and which latents may learn how fast; one small file each."""
