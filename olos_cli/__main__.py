"""`python -m olos_cli` is `olos`."""

import sys

from olos_cli.main import main

sys.exit(main())
