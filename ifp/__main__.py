"""``python -m ifp``."""

from ifp.cli import main

if __name__ == "__main__":
    main()
