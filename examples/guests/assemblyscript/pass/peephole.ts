// Compiler pass peephole@1 in AssemblyScript; ../../README.md says what it does.
import * as qx from "../../../../sdk/assemblyscript/qx1";
import * as u3 from "../../../../sdk/assemblyscript/u3";
import * as c from "../../../../sdk/assemblyscript/compile";

export function qx_abi_1(): i32 { return 1; }

export function qx_describe(): i32 {
  qx.reset();
  return qx.describe("abi=1\nkind=compiler\nname=peephole\nversion=1.0.0\n");
}

// merge makes one gate of a followed by b where integers can, and stores it at a.
function merge(a: usize, b: usize): bool {
  const at = load<u64>(a), ap = load<u64>(a + 8), al = load<u64>(a + 16), bt = load<u64>(b), bp = load<u64>(b + 8), bl = load<u64>(b + 16);
  const x = u3.mod2pi(bl + ap); // the rotation about Z between them
  if (at == 0) u3.normal(a, bt, bp, bl + al);
  else if (bt == 0) u3.normal(a, at, ap + bl, al);
  else if (x == 0) u3.normal(a, at + bt, bp, al);
  else if (x == u3.PI) u3.normal(a, bt - at, bp, al + u3.PI); // Rz(π)·Ry(t) = Ry(-t)·Rz(π)
  else if (at == u3.PI) u3.normal(a, bt + u3.PI, bp, al - x); // Rz(x)·Ry(π) = Ry(π)·Rz(-x)
  else if (bt == u3.PI) u3.normal(a, at + u3.PI, bp - x, al);
  else return false;
  return true;
}

// Levels: width gates and width partners each, made one behind the other.
let levels: usize = 0, stride: u32 = 0, made: u32 = 0, at: usize = 0;

function gateAt(level: u32, q: u32): usize { return levels + level * stride + 24 * q; }
function partnerAt(level: u32, q: u32): usize { return levels + level * stride + 24 * c.width + 2 * q; }
function levelOf(q: u32): u32 { return load<u32>(at + 4 * q); } // of the qubit's last gate
function setLevel(q: u32, j: u32): void { store<u32>(at + 4 * q, j); }

// need makes levels up to number j.
function need(j: u32): i32 {
  if (j > qx.MAX_LAYERS) return qx.fail(qx.TOO_LARGE, "the circuit needs more than 65536 layers");
  for (; made <= j; made++) {
    const p = qx.alloc(stride);
    if (!p) return qx.TOO_LARGE;
    memory.fill(p, 0, 24 * c.width);
    memory.fill(p + 24 * c.width, 0xff, 2 * c.width);
  }
  return 0;
}

function isIdentity(u: usize): bool { return load<u64>(u) == 0 && load<u64>(u + 16) == 0; }

const normal: usize = memory.data(24, 8);

function putGate(q: u32, u: usize): i32 {
  u3.normal(normal, load<u64>(u), load<u64>(u + 8), load<u64>(u + 16));
  const j = levelOf(q);
  if (merge(gateAt(j, q), normal)) return 0;
  const err = need(j + 1);
  if (err) return err;
  memory.copy(gateAt(j + 1, q), normal, 24);
  setLevel(q, j + 1);
  return 0;
}

function putCZ(a: u32, b: u32): i32 {
  const j = max(levelOf(a), levelOf(b));
  if (levelOf(a) == levelOf(b) && j > 0 && load<u16>(partnerAt(j - 1, a)) == b && isIdentity(gateAt(j, a)) && isIdentity(gateAt(j, b))) {
    store<u16>(partnerAt(j - 1, a), 0xffff); // two CZ are none
    store<u16>(partnerAt(j - 1, b), 0xffff);
    setLevel(a, j - 1);
    setLevel(b, j - 1);
    return 0;
  }
  const err = need(j + 1);
  if (err) return err;
  store<u16>(partnerAt(j, a), b as u16);
  store<u16>(partnerAt(j, b), a as u16);
  setLevel(a, j + 1);
  setLevel(b, j + 1);
  return 0;
}

function deepest(): u32 {
  let m: u32 = 0;
  for (let q: u32 = 0; q < c.width; q++) m = max(m, levelOf(q));
  return m;
}

function putBarrier(): i32 {
  const m = deepest() + 1;
  for (let q: u32 = 0; q < c.width; q++) setLevel(q, m);
  return need(m);
}

export function qx_compile(): i32 {
  qx.reset();
  let err = c.readSource();
  if (err) return err;
  stride = (26 * c.width + 15) & ~15;
  made = 0;
  at = qx.zeros(4 * (c.width as u64));
  levels = qx.alloc(0);
  if (!at || !levels) return qx.TOO_LARGE;
  err = need(0);
  for (let i: u32 = 0; i < c.ops && !err; i++) {
    const k = c.kindOf(i), a = c.qubit(i, 0), b = c.qubit(i, 1);
    if (k == c.GATE) err = putGate(a, c.gate(i));
    else if (k == c.CZ) err = c.coupled(a, b) ? putCZ(a, b) : qx.fail(qx.UNSUPPORTED, "the device does not couple the qubits of a CZ, and this pass does not route");
    else if (k == c.BARRIER) err = putBarrier();
  }
  return err ? err : c.writeLayered(deepest(), levels, stride);
}
