"""Runs Python with the arguments given and notes when: ``timed.py LOG ARGUMENT ...``.

Stands in for `python` in the commands of stages. Imports only what its own start can afford.
"""

import json
import subprocess
import sys
import time

if __name__ == "__main__":
    log, *arguments = sys.argv[1:]
    began = time.time()
    status = subprocess.call([sys.executable, *arguments])
    with open(log, "a", encoding="utf-8") as file:  # noqa: PTH123
        file.write(json.dumps({"arguments": arguments, "seconds": time.time() - began}) + "\n")
    sys.exit(status)
