"""`python -m olos_cli` is `olos`."""

from olos_cli.entry import main

main()
