"""`python -m loccit` is the command `loccit`."""

from loccit.cli import main

# Worker processes load this module again, under another name.
if __name__ == "__main__":
    main()
