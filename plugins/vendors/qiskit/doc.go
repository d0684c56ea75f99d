// Package qiskit is the driver for Qiskit backends that run on this machine:
// qiskit-aer, and the emulators that play back a recorded device. It is written in
// Python (src) and shipped as a zip application.
//
// It promises that equal programs and interpreters give equal bytes of the
// application, so that a lock entry stays good, and that its environment is the
// locked set of wheels in requirements.txt. What the driver itself promises stands in
// src/engine_qiskit.
package qiskit
