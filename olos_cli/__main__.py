"""`python -m olos_cli` is `olos`."""

import sys

from olos_cli.entry import main

sys.exit(main())
