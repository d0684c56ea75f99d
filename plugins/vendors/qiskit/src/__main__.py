"""The driver qiskit: what the engine starts."""

import os

from engine_driver import serve


def make():
    # The environment is empty, and of all folders the one for the socket is writable
    # before the configuration comes: libraries look for both when they are imported.
    os.environ.update(HOME="/", TMPDIR=os.environ["PLUGIN_UNIX_SOCKET_DIR"])
    from engine_qiskit.driver import Qiskit  # Qiskit itself: standard output is safe now

    return Qiskit()


serve(make)
