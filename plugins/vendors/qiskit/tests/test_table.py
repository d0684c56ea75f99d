"""The tables against Qiskit's own matrices, and the backends against the tables."""

import math
import random
import unittest

from engine_driver import DriverError, pb
from engine_qiskit.backend import Machine, load
from engine_qiskit.table import Table
from qiskit import QuantumCircuit
from qiskit.quantum_info import Operator

LIMITS = pb.Limits(max_slots_per_submit=1, max_shots_per_slot=1, max_in_flight=1)
BASES = {"u": ["u", "cz"], "heron": ["rz", "sx", "x", "cz"], "falcon": ["rz", "sx", "x", "cx"], "eagle": ["rz", "sx", "x", "ecr"]}


class Tables(unittest.TestCase):
    def test_matrices(self):
        rng = random.Random(1)
        for name, gates in BASES.items():
            for pairs in (None, {(0, 1)}, {(1, 0)}):
                t = Table(gates, lambda gate: pairs)
                for _ in range(20):
                    angles = [[tuple(rng.uniform(0, 2 * math.pi) for _ in range(3)) for _ in range(2)] for _ in range(2)]
                    got = t.circuit(2, [0, 1], [[(0, 1)]], angles)
                    self.assertLessEqual({i.operation.name for i in got.data} - {"measure"}, set(gates), name)
                    want = QuantumCircuit(2)
                    for k, row in enumerate(angles):
                        for q, u in enumerate(row):
                            want.u(*u, q)
                        if k == 0:
                            want.cz(0, 1)
                    got.remove_final_measurements()
                    self.assertTrue(Operator(got).equiv(Operator(want)), (name, pairs))

    def test_no_table(self):
        with self.assertRaises(ValueError):
            Table(["rx", "cz"], lambda gate: None)


class Backends(unittest.TestCase):
    def test_recorded_devices(self):
        for name, gate in (("FakeManilaV2", "cx"), ("FakeSherbrooke", "ecr"), ("FakeTorino", "cz")):
            b = load("qiskit_ibm_runtime.fake_provider:" + name, {})
            pair = sorted(next(iter(b.target[gate])))
            m = Machine(b, pair, 20, LIMITS)
            self.assertEqual((m.table.two, m.edges, m.device.kind, m.device.width), (gate, [(0, 1)], pb.DEVICE_KIND_EMULATOR, 2))
            self.assertEqual(m.snapshot, Machine(b, pair, 20, LIMITS).snapshot)
            self.assertTrue(1 - m.snapshot.gates[-1].fidelity < 0.2 and m.snapshot.qubits[0].t1_ns > 1000)
        with self.assertRaises(DriverError):
            Machine(b, [], 20, LIMITS)  # 133 qubits
        with self.assertRaises(DriverError):
            Machine(b, [0, 0], 20, LIMITS)

    def test_simulator(self):
        m = Machine(load("qiskit_aer:AerSimulator", {"method": "statevector"}), [], 5, LIMITS)
        self.assertEqual((m.device.width, m.edges, m.snapshot, m.device.kind), (5, [(a, b) for a in range(5) for b in range(a + 1, 5)], None, pb.DEVICE_KIND_SIMULATOR))
        self.assertEqual(list(m.device.edges), [])

    def test_refused(self):
        for path in ("qiskit_ibm_runtime:QiskitRuntimeService", "os:system", "qiskit_aer", "qiskit_aer:Nothing", "qiskit_aer.x:Y", "qiskit_aer:AerJob", ""):
            with self.assertRaises(DriverError, msg=path) as e:
                load(path, {})
            self.assertEqual(e.exception.field, "config_json.backend")


if __name__ == "__main__":
    unittest.main()
