"""The jobs of this driver, in its cache folder: three files for a job, each whole or
not at all."""

import os
import threading

from engine_driver import DriverError, Submission, pb


class Store:
    """Jobs by id. An id is a function of the key, so that a key has one job."""

    def __init__(self, folder):
        os.makedirs(folder, exist_ok=True)
        self.folder, self.jobs, self.changed = folder, {}, threading.Condition()
        for name in sorted(os.listdir(folder)):
            if name.endswith(".job"):
                job = pb.Job.FromString(self.read(name[:-4], ".job"))
                self.jobs[job.job_id] = job

    def read(self, job_id, ext):
        with open(os.path.join(self.folder, job_id + ext), "rb") as f:
            return f.read()

    def write(self, job_id, ext, data):
        name = os.path.join(self.folder, job_id + ext)
        with open(name + ".new", "wb") as f:
            f.write(data)
            f.flush()
            os.fsync(f.fileno())
        os.replace(name + ".new", name)

    def submission(self, job_id):
        return Submission.unmarshal(self.read(job_id, ".in"))

    def open(self):
        """The jobs that have not ended, in the order of their acceptance."""
        with self.changed:
            return sorted((j for j in self.jobs.values() if j.state < pb.JOB_STATE_SUCCEEDED), key=lambda j: (j.accepted_at.ToNanoseconds(), j.job_id))

    def accept(self, s):
        """The job of a submission, and whether it was there before."""
        job_id = "qiskit-" + s.key.hex()[:40]
        with self.changed:
            job = self.jobs.get(job_id)
            if job and job.batch_sha3 != s.digest():
                raise DriverError("KEY_REUSED", "this key stands for another batch", field="idempotency_key")
            if job:
                return job, True
            job = pb.Job(job_id=job_id, idempotency_key=s.key, batch_sha3=s.digest(), state=pb.JOB_STATE_QUEUED)
            job.accepted_at.GetCurrentTime()
            self.write(job_id, ".in", s.marshal())
            self._save(job)
            return job, False

    def get(self, job_id):
        if job_id not in self.jobs:
            raise DriverError("UNKNOWN_JOB", f"there is no job {job_id[:128]!r}", field="job_id")
        return self.jobs[job_id]

    def move(self, job_id, state, error=None, slots=0):
        """Bring a job forward; False when it has ended meanwhile."""
        with self.changed:
            old = self.jobs[job_id]
            if old.state >= pb.JOB_STATE_SUCCEEDED:
                return False
            job = pb.Job()
            job.CopyFrom(old)
            job.state, job.slots_done = state, slots
            if state == pb.JOB_STATE_RUNNING and not job.HasField("started_at"):
                job.started_at.GetCurrentTime()
            if state >= pb.JOB_STATE_SUCCEEDED:
                job.finished_at.GetCurrentTime()
            if error:
                job.error.CopyFrom(error.detail())
            if state >= pb.JOB_STATE_SUCCEEDED or old.state != state:
                self._save(job)
            else:
                self._keep(job)  # progress is not worth a file
            return True

    def _save(self, job):
        """Called with the lock held."""
        self.write(job.job_id, ".job", job.SerializeToString())
        self._keep(job)

    def _keep(self, job):
        self.jobs[job.job_id] = job
        self.changed.notify_all()

    def count(self):
        return len(self.open())
