"""Programs that the tests start find the same olos as the tests: the installed one, if there is one."""

import os

from support.olos import PACKAGES

os.environ["PYTHONPATH"] = PACKAGES
os.environ["PYTHONSAFEPATH"] = "1"
