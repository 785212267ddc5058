"""`python -m loccit` is the command `loccit`."""

from loccit.cli import main

main()
