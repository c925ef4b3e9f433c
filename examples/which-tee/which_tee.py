"""Which TEE am I in?"""

import json
import os
import pathlib
import sys

target = os.environ.get("OLOS_TARGET")
if not target:
    sys.exit("Python: no TEE")
tee = json.loads(pathlib.Path("/run/olos/tee.json").read_text())
assert tee["target"] == target
print(f"Python: target {target}, {'hardware' if tee['hardware'] else 'simulated'}, debug {tee['debug']}")
