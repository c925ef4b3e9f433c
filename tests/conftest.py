"""What holds for all tests.

Programs that they start find the same olos as the tests, the installed one if there is one, and can be
ended by signals: a shell that runs something in the background, and nohup(1), has all below ignore some.
"""

import os
import signal
import sys
from pathlib import Path

from hypothesis import HealthCheck, settings

from support.olos import PACKAGES

sys.path.append(str(Path(__file__).parent.parent))  # for `bench`, behind an olos that is installed
os.environ["PYTHONPATH"] = PACKAGES
os.environ["PYTHONSAFEPATH"] = "1"
os.environ["OLOS_CACHE_SIZE"] = "0"  # the cache of who runs the tests is none of their business
signal.signal(signal.SIGINT, signal.default_int_handler)
for number in (signal.SIGQUIT, signal.SIGHUP, signal.SIGTERM):
    signal.signal(number, signal.SIG_DFL)

# The same examples each time, however slow the machine is.
settings.register_profile(
    "olos", deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("olos")
