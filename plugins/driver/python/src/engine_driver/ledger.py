"""Which keys went to the vendor, kept on disk."""

import base64
import binascii
import json
import os
import threading

from .errors import DriverError

_MAX_LINE = 4096


class Ledger:
    """The submissions of a cache folder, by key.

    A key is submitted at most once even when the driver is killed between the
    vendor's acceptance and its own answer. The file is the one that the Go package
    keeps. A last line that a crash cut short is dropped; any other broken line is an
    error. An entry is (digest, job_id); an empty job_id says that the vendor was
    asked and its answer never arrived.
    """

    def __init__(self, folder):
        self._lock, self._entries = threading.Lock(), {}
        self._name = os.path.join(folder, "submissions.log")
        self._file = os.fdopen(os.open(self._name, os.O_RDWR | os.O_CREAT, 0o600), "r+b", buffering=0)
        whole = 0
        with open(self._name, "rb") as f:
            for n, line in enumerate(iter(lambda: f.readline(_MAX_LINE + 1), b""), 1):
                if not line.endswith(b"\n") and len(line) <= _MAX_LINE:
                    break
                try:
                    if len(line) > _MAX_LINE:
                        raise ValueError(f"longer than {_MAX_LINE} bytes")
                    self._apply(line)
                except (ValueError, TypeError, KeyError, binascii.Error) as e:
                    self._file.close()
                    raise ValueError(f"{self._name} line {n}: {e}; move the file away only after asking the vendor which jobs exist") from None
                whole += len(line)
        self._file.truncate(whole)
        self._file.seek(whole)

    def _apply(self, line):
        e = json.loads(line)
        if not isinstance(e, dict) or set(e) - {"key", "digest", "job_id", "void"}:
            raise ValueError("not an entry")
        key = base64.b64decode(e["key"], validate=True)
        void = e.get("void", False)
        digest = base64.b64decode(e.get("digest", ""), validate=True)
        if len(key) != 32 or len(digest) != 32 and not void:
            raise ValueError("key or digest is not 32 bytes")
        if void:
            self._entries.pop(key, None)
        else:
            self._entries[key] = (digest, e.get("job_id", ""))

    def _write(self, **e):
        line = json.dumps({k: base64.b64encode(v).decode() if isinstance(v, bytes) else v for k, v in e.items()}).encode() + b"\n"
        self._file.write(line)
        os.fsync(self._file.fileno())
        self._apply(line)

    def begin(self, key, digest):
        """Record that key is about to go to the vendor.

        Returns None for a new key, else the job id ("" when it is not known). A key
        that stands for another batch raises KEY_REUSED.
        """
        with self._lock:
            known = self._entries.get(key)
            if known is None:
                self._write(key=key, digest=digest)
                return None
            if known[0] != digest:
                raise DriverError("KEY_REUSED", "this key stands for another batch", field="idempotency_key")
            return known[1]

    def accepted(self, key, job_id):
        """Record the vendor's job id of a key."""
        with self._lock:
            self._write(key=key, digest=self._entries[key][0], job_id=job_id)

    def refused(self, key):
        """Record that the vendor surely did not take a key."""
        with self._lock:
            self._write(key=key, void=True)

    def lookup(self, key):
        """(digest, job_id) of a key, or None."""
        with self._lock:
            return self._entries.get(key)

    def close(self):
        self._file.close()
