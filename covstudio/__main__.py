"""`python -m covstudio`: the command line."""

from covstudio.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
