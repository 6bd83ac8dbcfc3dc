"""One self-contained HTML page per run: what was done, what was found, how to do it again."""
