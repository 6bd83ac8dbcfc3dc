"""``python -m ifp``."""

from ifp.cli import main

main()
