"""Write a driver of the engine (engine.driver.v1) in Python.

A driver is a class derived from Driver and one call of serve(). The package
promises the rules of the contract around it: handshake, mutual TLS, the checks of
every submission, error details, the hash of result streams, the end of the
process. It does not keep jobs: that is the vendor's, or the driver's own.
"""

from . import driver_pb2 as pb
from .driver import Call, Config, Driver, settings, signed_message
from .errors import DriverError
from .ledger import Ledger
from .results import Finished, send_pairs, send_rows
from .serve import keep_stdout, serve
from .submission import Submission, radians, row_bytes

__all__ = ["pb", "Call", "Config", "Driver", "DriverError", "Finished", "Ledger", "Submission", "keep_stdout", "radians", "row_bytes",
           "send_pairs", "send_rows", "serve", "settings", "signed_message"]
