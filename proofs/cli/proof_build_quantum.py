"""python -m proofs.cli.proof_build_quantum: the provider guide's name for `engine proof build`."""

import os
import sys

if __name__ == "__main__":
    engine = os.environ.get("ENGINE", "engine")
    try:
        os.execvp(engine, [engine, "proof", "build", *sys.argv[1:]])
    except OSError as e:
        sys.exit(f"{engine}: {e.strerror}; put the engine into PATH, or its path into ENGINE")
