"""Answers requests on stdin, one JSON object a line, with one on stdout.

    serve.py PEER THREADS

A peer is a module peer_PEER with a class Peer; see peer_qsim.py. A call is a
prebuilt circuit: a function of the number of shots.
"""

import gc
import importlib
import json
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

EMPTY = {"qubits": 2, "ops": []}


class Server:
    def __init__(self, name, threads):
        self.peer = importlib.import_module("peer_" + name).Peer(threads)
        self.circuits = {}
        self.calls = {}

    def hello(self, r):
        p = self.peer
        return {"version": p.version, "detail": p.detail, "settings": p.settings(r["kind"], r["precision"], r["shots"])}

    def load(self, r):
        with open(r["path"]) as f:
            self.circuits[r["name"]] = json.load(f)["circuits"]
        return {}

    def drop(self, r):
        self.circuits.pop(r["name"], None)
        self.calls.clear()
        getattr(self.peer, "forget", lambda: None)()
        gc.collect()
        return {}

    def prepared(self, r):
        key = (r["name"], r["setting"])
        if key not in self.calls:
            self.calls[key] = [self.peer.build(c, r["setting"]) for c in self.circuits[r["name"]]]
        return self.calls[key]

    def time(self, r):
        """Seconds of each repetition, less what an empty circuit costs in the same wrapper."""
        calls, empty = self.prepared(r), self.peer.build(EMPTY, r["setting"])
        for _ in range(r.get("warm", 0)):
            calls[0](r["shots"])
        out = {"seconds": [], "cpu": []}
        gc.disable()
        spent = min(self.overhead(empty, r["shots"], r["name"], r["setting"]) for _ in range(5))
        for _ in range(r["reps"]):
            overhead = len(calls) * spent
            cpu, began = time.process_time(), time.perf_counter()
            own = [call(r["shots"]) for call in calls]
            took, cpu = time.perf_counter() - began, time.process_time() - cpu
            if own[0] is not None:  # the library's own stopwatch
                took, overhead = sum(own), 0
            out["seconds"].append(max(took - overhead, 1e-9))
            out["cpu"].append(max(cpu - overhead, 1e-9))
        gc.enable()
        return out

    def overhead(self, empty, shots, name, setting):
        began = time.perf_counter()
        empty(1)
        took = time.perf_counter() - began
        return took + self.peer.wrapper_seconds(shots, self.circuits[name][0], setting)

    def probabilities(self, r):
        c = self.circuits[r["name"]][r.get("index", 0)]
        return {"probabilities": [float(x) for x in self.peer.probabilities(c, r["setting"], r["states"])]}

    def samples(self, r):
        return {"samples": self.peer.samples(self.circuits[r["name"]][0], r["setting"], r["shots"])}

    def memory(self, r):
        self.peer.build(EMPTY, r["setting"])(1)
        with open("/proc/self/clear_refs", "w") as f:
            f.write("5")
        before = status("VmRSS")
        self.peer.build(self.circuits[r["name"]][0], r["setting"])(r["shots"])
        return {"bytes": status("VmHWM") - before}


def status(field):
    with open("/proc/self/status") as f:
        for line in f:
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024
    return 0


def main():
    out = os.fdopen(os.dup(1), "w")  # libraries may print on stdout
    os.dup2(2, 1)
    server = Server(sys.argv[1], int(sys.argv[2]))
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = getattr(server, request["op"])(request)
        except Exception as e:
            answer = {"error": "%s: %s" % (type(e).__name__, e)}
        out.write(json.dumps(answer) + "\n")
        out.flush()


if __name__ == "__main__":
    main()
