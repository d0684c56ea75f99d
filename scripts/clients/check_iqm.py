"""The vendor's own client, iqm-client, against `engine fake iqm`. The only argument
is the fake's address."""

import math
import sys

from iqm.iqm_client import IQMClient
from iqm.pulse import Circuit, CircuitOperation

client = IQMClient.from_url(sys.argv[1], quantum_computer="adonis", token="fake")
assert client.get_health()["healthy"]
assert set(client.get_static_quantum_architecture().connectivity) == {("QB1", "QB3"), ("QB2", "QB3"), ("QB4", "QB3"), ("QB5", "QB3")}
dqa = client.get_dynamic_quantum_architecture()
assert dqa.qubits == ["QB1", "QB2", "QB3", "QB4", "QB5"] and ("QB4", "QB3") in dqa.gates["cz"].loci
metrics = client.get_quality_metric_set(dqa.calibration_set_id)
assert metrics.describes_id == dqa.calibration_set_id and len(metrics.observations) == 29


def prx(q, angle, phase):
    return CircuitOperation(name="prx", locus=(q,), args={"angle": angle, "phase": phase})


def cz(a, b):
    return CircuitOperation(name="cz", locus=(a, b))


def measure(*q):
    return CircuitOperation(name="measure", locus=q, args={"key": "m"})


half = math.pi / 2
one = Circuit(name="one", instructions=(prx("QB1", math.pi, 0.3), measure("QB1", "QB3", "QB5")))
bell = Circuit(name="bell", instructions=(prx("QB1", half, half), prx("QB3", half, half), cz("QB3", "QB1"), prx("QB3", half, -half), measure("QB1", "QB3")))
mapped = Circuit(name="mapped", instructions=(prx("a", math.pi, 0.0), cz("a", "b"), measure("a", "b")))
job = client.submit_circuits([one, bell], shots=1000)
assert job.wait_for_completion() == "completed"
assert job.result()[0] == {"m": [[1, 0, 0]] * 1000}
counts = job.result_counts()[1].counts
assert set(counts) == {"00", "11"} and min(counts.values()) > 333, counts
job = client.submit_circuits([mapped], shots=3, qubit_mapping={"a": "QB3", "b": "QB4"}, calibration_set_id=dqa.calibration_set_id)
assert job.result() == [{"m": [[1, 0]] * 3}]
print("iqm-client agrees with the fake")
