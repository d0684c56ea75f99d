"""Clients of others against `engine fake ionq`: qiskit-ionq and cirq-ionq. The only
argument is the fake's address."""

import os
import sys

os.environ["QISKIT_IONQ_API_URL"] = sys.argv[1] + "/v0.4"  # what it asks without a provider too

import cirq
import cirq_ionq
from qiskit import QuantumCircuit
from qiskit_ionq import IonQProvider

address = sys.argv[1]


def even(counts, one, other, n):
    assert set(counts) == {one, other} and sum(counts.values()) == n and min(counts.values()) > n // 3, counts


provider = IonQProvider("fake", address + "/v0.4")
for name in ("qpu.forte-1", "simulator"):
    backend = provider.get_backend(name)
    bell = QuantumCircuit(2, 2)
    bell.h(0)
    bell.cx(0, 1)
    bell.measure([0, 1], [0, 1])
    even(backend.run(bell, shots=1000).get_counts(), "00", "11", 1000)
one = QuantumCircuit(3, 3)
one.x(0)
one.measure([0, 1, 2], [0, 1, 2])
job = provider.get_backend("qpu.forte-1").run(one, shots=5, memory=True)
assert job.get_counts() == {"001": 5}, job.get_counts()
assert job.get_memory() == ["001"] * 5, job.get_memory()

service = cirq_ionq.Service(remote_host=address, api_key="fake", default_target="qpu", max_retry_seconds=10)
q = cirq.LineQubit.range(3)


def run(*ops, target):
    return dict(service.run(cirq.Circuit(*ops, cirq.measure(*q, key="m")), repetitions=1000, target=target).histogram(key="m"))


even(run(cirq.H(q[0]), cirq.CNOT(q[0], q[1]), cirq.X(q[2]), target="qpu.forte-1"), 0b001, 0b111, 1000)
gpi, gpi2, ms, zz = cirq_ionq.GPIGate, cirq_ionq.GPI2Gate, cirq_ionq.MSGate, cirq_ionq.ZZGate
assert run(gpi(phi=0.3)(q[0]), target="qpu.aria-1") == {0b100: 1000}
assert run(gpi2(phi=0.7)(q[2]), gpi2(phi=0.7)(q[2]), target="qpu.aria-1") == {0b001: 1000}
assert run(ms(phi0=0.1, phi1=0.9)(q[0], q[2]), ms(phi0=0.1, phi1=0.9)(q[0], q[2]), target="qpu.aria-1") == {0b101: 1000}
assert run(gpi2(phi=0)(q[1]), zz(theta=0.25)(q[0], q[1]), zz(theta=0.25)(q[0], q[1]), gpi2(phi=0)(q[1]), target="qpu.forte-1") == {0b000: 1000}
print("qiskit-ionq and cirq-ionq agree with the fake")
