"""A driver of engine.driver.v1 for Qiskit backends that run in this process:
qiskit-aer, and backends that play back a recorded device.

It promises that every u3 and CZ is sent by the fixed tables of table.py, without the
transpiler, that outcomes are the single shots of the backend's memory, and that a key
has one job, also over kill -9. Backends of a service elsewhere are refused: a job that
was lost there could not be found again.
"""
