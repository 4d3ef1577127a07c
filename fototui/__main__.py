"""`python -m fototui`."""

from fototui.cli import main

if __name__ == "__main__":
    main()
