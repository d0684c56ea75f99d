"""python -m proofs.cli.proof_verify: the provider guide's name for `engine proof verify`."""

import os
import sys

if __name__ == "__main__":
    engine = os.environ.get("ENGINE", "engine")
    try:
        os.execvp(engine, [engine, "proof", "verify", *sys.argv[1:]])
    except OSError as e:
        sys.exit(f"{engine}: {e.strerror}; put the engine into PATH, or its path into ENGINE")
