"""What the conformance kit cannot see from outside."""

import os
import tempfile
import unittest

from engine_driver import Config, DriverError, Ledger, Submission, pb, send_pairs, send_rows, settings
from engine_driver.submission import receive


def header(**change):
    h = pb.BatchHeader(idempotency_key=bytes(32), batch_sha3=bytes(32), device_id="d", skeleton=pb.Skeleton(width=1), palette=bytes(24), index_bytes=2,
                       slots=2, shots_per_slot=1, kind=pb.RESULT_KIND_PER_SHOT)
    for k, v in change.items():
        setattr(h, k, v)
    h.batch_sha3 = Submission(h, bytes(4)).digest()
    return h


def chunks(h, *rows):
    return [pb.SubmitChunk(header=h)] + [pb.SubmitChunk(rows=r) for r in rows]


class Submissions(unittest.TestCase):
    def refused(self, code, field, c):
        with self.assertRaises(DriverError) as e:
            receive(c)
        self.assertEqual((e.exception.code, e.exception.field), (code, field))

    def test_accepts_and_keeps(self):
        s = receive(chunks(header(), bytes(2), bytes(2)))
        self.assertEqual(s.gates(1), [[(0, 0, 0)]])
        self.assertEqual(Submission.unmarshal(s.marshal()).digest(), s.digest())

    def test_limits(self):
        self.refused("PROGRAM_INVALID", "header", [])
        self.refused("PROGRAM_INVALID", "rows", chunks(header(), bytes(2)))
        self.refused("PROGRAM_INVALID", "rows", chunks(header(), bytes(6)))
        self.refused("PROGRAM_INVALID", "rows", chunks(header(), b"", bytes(4)))
        self.refused("PROGRAM_INVALID", "rows", chunks(header(), b"\1\0\0\0"))
        self.refused("PROGRAM_INVALID", "idempotency_key", chunks(header(idempotency_key=bytes(31)), bytes(4)))
        self.refused("PROGRAM_INVALID", "palette", chunks(header(palette=(1 << 12).to_bytes(24, "little") * 2), bytes(4)))
        self.refused("PROGRAM_INVALID", "index_bytes", chunks(header(index_bytes=3), bytes(4)))
        self.refused("TOO_MANY_SHOTS", "slots", chunks(header(slots=10_000_001), bytes(4)))
        self.refused("TOO_MANY_SHOTS", "shots_per_slot", chunks(header(shots_per_slot=2), bytes(4)))
        self.refused("UNKNOWN_DEVICE", "device_id", chunks(header(device_id="a b"), bytes(4)))
        h = header()
        h.batch_sha3 = bytes(32)
        self.refused("PROGRAM_INVALID", "batch_sha3", chunks(h, bytes(4)))


class Results(unittest.TestCase):
    def test_rows_resume_in_small_messages(self):
        out = list(send_rows(3, bytes(range(8)) * 2, 5, 8, present=[True] * 15 + [False]))
        bodies = [c.body for c in out if c.HasField("body")]
        self.assertEqual([(b.first, b.n) for b in bodies], [(5, 8), (13, 3)])
        self.assertEqual(b"".join(b.rows for b in bodies), (bytes(range(8)) * 2)[5:])
        self.assertEqual(bodies[1].present, b"\3")
        self.assertEqual(out[-1].trailer.total, 11)

    def test_beyond_the_end(self):
        for f in (lambda: send_rows(1, b"\0", 2), lambda: send_pairs(pb.RESULT_KIND_COUNTS, 1, 1, [(b"\0", 1)], 2)):
            with self.assertRaises(DriverError) as e:
                f()
            self.assertEqual(e.exception.code, "PROGRAM_INVALID")


class Ledgers(unittest.TestCase):
    def test_survives_and_drops_a_cut_line(self):
        with tempfile.TemporaryDirectory() as d:
            one = Ledger(d)
            self.assertIsNone(one.begin(b"k" * 32, b"d" * 32))
            one.accepted(b"k" * 32, "job")
            one.begin(b"l" * 32, b"d" * 32)
            one.refused(b"l" * 32)
            one.close()
            with open(os.path.join(d, "submissions.log"), "ab") as f:
                f.write(b'{"key":')
            two = Ledger(d)
            self.assertEqual(two.begin(b"k" * 32, b"d" * 32), "job")
            self.assertIsNone(two.lookup(b"l" * 32))
            with self.assertRaises(DriverError) as e:
                two.begin(b"k" * 32, b"e" * 32)
            self.assertEqual(e.exception.code, "KEY_REUSED")
            two.close()

    def test_broken_line(self):
        with tempfile.TemporaryDirectory() as d:
            with open(os.path.join(d, "submissions.log"), "wb") as f:
                f.write(b"{}\n")
            with self.assertRaisesRegex(ValueError, "line 1"):
                Ledger(d)


class Errors(unittest.TestCase):
    def test_uncertain_is_never_retryable(self):
        self.assertFalse(DriverError("SUBMIT_UNCERTAIN", retryable=True).detail().retryable)

    def test_settings(self):
        self.assertEqual(settings(Config(b'{"a": 2}', {}), a=1, b="x"), {"a": 2, "b": "x"})
        for text in (b'{"c": 1}', b'{"a": "1"}', b'{"a": 1, "a": 1}', b"[]", b"{", b'{"a": true}'):
            with self.assertRaises(DriverError):
                settings(Config(text, {}), a=1)


if __name__ == "__main__":
    unittest.main()
