"""The driver."""

import hashlib
import os
import queue
import sys
import threading
import time
import traceback

import qiskit
from engine_driver import Driver, DriverError, Finished, pb, row_bytes, send_pairs, send_rows, settings

from .backend import Machine, load
from .store import Store

VERSION = "1.0.0"
CHUNK = 200  # circuits of one run: between two runs a cancellation is seen
SCHEMA = b"""{"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "additionalProperties": false, "properties": {
  "backend": {"type": "string", "default": "qiskit_aer:AerSimulator", "description": "module:name of qiskit_aer, qiskit_ibm_runtime.fake_provider, qiskit.providers.fake_provider or .basic_provider"},
  "options": {"type": "object", "description": "arguments of the backend's constructor"},
  "qubits": {"type": "array", "items": {"type": "integer", "minimum": 0}, "maxItems": 28, "description": "the backend's qubits that make the device, in the order of its bits (default all)"},
  "width": {"type": "integer", "minimum": 1, "maximum": 28, "default": 20, "description": "qubits of a simulator without a coupling map"},
  "seed": {"type": "string", "pattern": "^[0-9a-f]{64}$", "description": "makes outcomes a function of seed and submission; without it they are random"},
  "max_slots": {"type": "integer", "minimum": 1, "maximum": 100000, "default": 1000},
  "max_shots": {"type": "integer", "minimum": 1, "maximum": 1000000, "default": 100000},
  "max_gates": {"type": "integer", "minimum": 1, "maximum": 1000000, "default": 20000}}}"""


def _between(s, name, low, high):
    if not low <= s[name] <= high:
        raise DriverError("CONFIG_INVALID", f"want {low} to {high}", field="config_json." + name)


class Qiskit(Driver):
    def __init__(self):
        self.store = self.machine = self.seed = None
        self.work = queue.SimpleQueue()
        threading.Thread(target=self._worker, daemon=True).start()

    def describe(self):
        return pb.Description(
            id="animica/qiskit", version=VERSION, vendor_api="Qiskit " + qiskit.__version__, config_schema=SCHEMA, device_ids=["qiskit"],
            features=[pb.FEATURE_CANCEL, pb.FEATURE_RECOVER, pb.FEATURE_PER_SHOT, pb.FEATURE_BATCH, pb.FEATURE_WATCH, pb.FEATURE_VERBATIM, pb.FEATURE_VENDOR_TOKEN])

    def configure(self, config):
        s = settings(config, backend="qiskit_aer:AerSimulator", options={}, qubits=[], width=20, seed="", max_slots=1000, max_shots=100_000, max_gates=20_000)
        for name, low, high in (("width", 1, 28), ("max_slots", 1, 100_000), ("max_shots", 1, 1_000_000), ("max_gates", 1, 1_000_000)):
            _between(s, name, low, high)
        if any(type(q) is not int for q in s["qubits"]):
            raise DriverError("CONFIG_INVALID", "want integers", field="config_json.qubits")
        if s["seed"] and (len(s["seed"]) != 64 or set(s["seed"]) - set("0123456789abcdef")):
            raise DriverError("CONFIG_INVALID", "want 64 hexadecimal digits", field="config_json.seed")
        limits = pb.Limits(max_slots_per_submit=s["max_slots"], max_shots_per_slot=s["max_shots"], max_gates_per_slot=s["max_gates"], max_in_flight=2)
        machine = Machine(load(s["backend"], s["options"]), s["qubits"], s["width"], limits)
        folder = os.path.join(config.cache_dir, "jobs")
        store = self.store if self.store and self.store.folder == folder else Store(folder)
        fresh, self.store, self.machine, self.seed = store is not self.store, store, machine, s["seed"]
        if fresh:
            for job in store.open():  # no outcome of theirs was ever given out
                self.work.put((store, job.job_id))

    def _known(self, device_id):
        if device_id != "qiskit":
            raise DriverError("UNKNOWN_DEVICE", f"{device_id[:128]!r} is not here, only qiskit", field="device_id")

    def device(self, device_id):
        self._known(device_id)
        return self.machine.device

    def calibration(self, device_id, calibration_id):
        self._known(device_id)
        c = self.machine.snapshot
        if c is None:
            raise DriverError("NOT_SUPPORTED", "a simulator without a recording has no calibration")
        if calibration_id not in ("", c.id):
            raise DriverError("RESULT_GONE", "only the recorded calibration is there", field="calibration_id")
        return c

    def submit(self, call, submission):
        s, c = submission, self.machine.snapshot
        if s.not_after is not None and time.time() > s.not_after:
            raise DriverError("DEADLINE", "the time has passed", field="not_after")
        if s.calibration_id and (c is None or s.calibration_id != c.id):
            raise DriverError("RESULT_GONE", "the recorded calibration is another one", field="calibration_id")
        job, before = self.store.accept(s)
        if not before:
            self.work.put((self.store, job.job_id))
        return pb.SubmitResponse(job_id=job.job_id, state=job.state, deduplicated=before, accepted_at=job.accepted_at)

    def _worker(self):
        """Runs the jobs, one after the other."""
        while True:
            store, job_id = self.work.get()
            try:
                self._run(store, job_id)
            except DriverError as e:
                store.move(job_id, pb.JOB_STATE_FAILED, e)
            except Exception as e:  # of Qiskit, whatever it is
                traceback.print_exc(file=sys.stderr)
                store.move(job_id, pb.JOB_STATE_FAILED, DriverError("EXECUTION_FAILED", f"{type(e).__name__}: {e}"))

    def _run(self, store, job_id):
        if not store.move(job_id, pb.JOB_STATE_RUNNING):
            return
        s, machine, out = store.submission(job_id), self.machine, bytearray()
        for first in range(0, s.slots, CHUNK):
            n = min(CHUNK, s.slots - first)
            out += self._shots(machine, s, first, n)
            if not store.move(job_id, pb.JOB_STATE_RUNNING, slots=first + n):
                return  # cancelled
        store.write(job_id, ".out", bytes(out))
        store.move(job_id, pb.JOB_STATE_SUCCEEDED, slots=s.slots)

    def _shots(self, machine, s, first, n):
        """The rows of n slots. A memory entry has bit 0 last."""
        how = {"shots": s.shots_per_slot, "memory": True}
        if self.seed:
            how["seed_simulator"] = int.from_bytes(hashlib.sha3_256(bytes.fromhex(self.seed) + s.key + first.to_bytes(8, "little")).digest()[:4], "little") >> 1
        result = machine.backend.run([machine.circuit(s, first + i) for i in range(n)], **how).result()
        if not result.success:
            raise DriverError("EXECUTION_FAILED", f"the backend says: {result.status}")
        out, size = bytearray(), row_bytes(s.width)
        for i in range(n):
            memory = result.get_memory(i)
            if len(memory) != s.shots_per_slot:
                raise DriverError("EXECUTION_FAILED", f"{len(memory)} shots of {s.shots_per_slot}")
            for text in memory:
                out += int(text, 2).to_bytes(size, "little")
        return out

    def get(self, call, job_id, wait):
        store, until = self.store, time.monotonic() + wait
        with store.changed:
            job = first = store.get(job_id)
            while job.state == first.state and job.state < pb.JOB_STATE_SUCCEEDED and not call.ended.is_set():
                left = until - time.monotonic()
                if left <= 0:
                    break
                store.changed.wait(min(1.0, left))
                job = store.get(job_id)
            return job

    def results(self, call, job_id, start, max_bytes):
        job = self.store.get(job_id)
        if job.state != pb.JOB_STATE_SUCCEEDED:
            raise DriverError("EXECUTION_FAILED", f"the job is {pb.JobState.Name(job.state)}", retryable=job.state < pb.JOB_STATE_SUCCEEDED)
        s, out, c = self.store.submission(job_id), self.store.read(job_id, ".out"), self.machine.snapshot
        end = Finished(c.id if c else "", job.started_at, job.finished_at)
        if s.kind == pb.RESULT_KIND_PER_SHOT:
            return send_rows(s.width, out, start, max_bytes, end)
        counts, size = {}, row_bytes(s.width)
        for i in range(0, len(out), size):
            counts[out[i:i + size]] = counts.get(out[i:i + size], 0) + 1
        return send_pairs(s.kind, s.width, len(out) // size, sorted(counts.items()), start, end)

    def cancel(self, call, job_id):
        if job_id not in self.store.jobs:
            return pb.CANCEL_STATE_UNKNOWN_JOB
        return pb.CANCEL_STATE_CANCELLED if self.store.move(job_id, pb.JOB_STATE_CANCELLED) else pb.CANCEL_STATE_TOO_LATE

    def recover(self, call, device_id, key, since):
        self._known(device_id)
        for job in sorted(self.store.jobs.values(), key=lambda j: j.job_id):
            if key is None and job.accepted_at.ToNanoseconds() / 1e9 >= since or job.idempotency_key == key:
                yield job

    def watch(self, call, device_id):
        self._known(device_id)
        last = None
        while not call.ended.is_set():
            n = self.store.count()
            if n != last:
                yield pb.DeviceStatus(device_id="qiskit", state=pb.DEVICE_STATE_BUSY if n else pb.DEVICE_STATE_READY, queue_length=n)
                last = n
            call.ended.wait(0.5)

    def drain(self, call, grace):
        until = time.monotonic() + grace
        while time.monotonic() < until and not call.ended.is_set():
            n = self.store.count()
            if n == 0:
                return
            yield n
            call.ended.wait(0.2)
