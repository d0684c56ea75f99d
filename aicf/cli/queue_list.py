"""python aicf/cli/queue_list.py: the provider guide's name for `omni aicf queue_list`."""

import os
import sys

if __name__ == "__main__":
    omni = os.environ.get("OMNI", "omni")
    try:
        os.execvp(omni, [omni, "aicf", "queue_list", *sys.argv[1:]])
    except OSError as e:
        sys.exit(f"{omni}: {e.strerror}; put omni into PATH, or its path into OMNI")
