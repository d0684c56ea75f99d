// What every compiler does the same way: it reads circuit and target, checking every
// operation, and writes a layered circuit.
import * as qx from "./qx1";
import { ANGLE_LOW } from "./u3";

export const BARRIER: u32 = 0;
export const MEASURE: u32 = 1;
export const GATE: u32 = 3;
export const CZ: u32 = 4;
export const NO_PARTNER: u32 = 0xffff;

export let qubits: u32 = 0, clbits: u32 = 0, width: u32 = 0, ops: u32 = 0; // width: qubits of the device
let op: usize = 0, operand: usize = 0, angles: usize = 0, clbitOf: usize = 0, edge: usize = 0, edges: u32 = 0;

export function kindOf(i: u32): u32 { return load<u8>(op + i); }
export function qubit(i: u32, k: u32): u32 { return load<u16>(operand + 4 * i + 2 * k); }
// gate is where the angles of operation i are, as they came.
export function gate(i: u32): usize { return angles + 24 * i; }

function refuse(why: string): i32 { return qx.fail(qx.UNSUPPORTED, why); }

// check checks operation i; measurements are final and noted.
function check(i: u32, clbit: u32, used: usize): i32 {
  const k = kindOf(i), a = gate(i), all = load<u64>(a) | load<u64>(a + 8) | load<u64>(a + 16), n: u32 = k == CZ ? 2 : k == BARRIER ? 0 : 1;
  if (k != BARRIER && k != MEASURE && k != GATE && k != CZ) return refuse("an operation has an unknown gate");
  if ((k == GATE ? all & ANGLE_LOW : all) || k != MEASURE && clbit || n < 2 && qubit(i, 1) || n < 1 && qubit(i, 0) || n == 2 && qubit(i, 0) == qubit(i, 1)) return refuse("unused fields of an operation are not zero");
  for (let x: u32 = 0; x < n; x++) {
    const q = qubit(i, x);
    if (q >= qubits || load<u32>(clbitOf + 4 * q) != qx.NO_CLBIT) return refuse("a qubit is out of range, or was measured before; only final measurements have a layered form");
  }
  if (k != MEASURE) return 0;
  if (clbit >= clbits || load<u8>(used + clbit)) return refuse("a clbit is out of range or measured twice");
  store<u8>(used + clbit, 1);
  store<u32>(clbitOf + 4 * qubit(i, 0), clbit);
  return 0;
}

const TARGET_FORM: usize = memory.data<u8>([1, 8, 2, 2]);
const CIRCUIT_FORM: usize = memory.data<u8>([1, 8, 2, 1, 3, 2, 4, 8, 5, 4]);
const words: usize = memory.data(16, 8);

// end of an edge as one number, for comparing.
function edgeAt(i: u32): u32 { return (load<u16>(edge + 4 * i) as u32) << 16 | load<u16>(edge + 4 * i + 2); }

function readTarget(): i32 {
  const m = qx.message();
  if (qx.open(m, qx.TARGET, qx.KIND_TARGET, 2, TARGET_FORM) || qx.count(m, 0, 1, 8) || qx.read(qx.TARGET, qx.off(m, 0), words, 8)) return qx.BAD_INPUT;
  if (m.items > 1 << 23) return qx.domain("target: more than 8388608 edges");
  if (qx.count(m, 1, 2 * m.items, 2)) return qx.BAD_INPUT;
  const w = load<u64>(words);
  if (w > qx.MAX_WIDTH || w && w < qubits) return refuse("the device has fewer qubits than the circuit, or more than 4096");
  width = w ? (w as u32) : qubits;
  edges = m.items as u32;
  edge = qx.part(m, 1);
  if (!edge) return qx.TOO_LARGE;
  for (let i: u32 = 0; i < edges; i++) {
    const e = edgeAt(i);
    if (e >> 16 >= (e & 0xffff) || (e & 0xffff) >= width || i > 0 && edgeAt(i - 1) >= e) return qx.domain("target: edges must be pairs A < B of the device's qubits, ascending");
  }
  return 0;
}

// coupled says whether the device can apply CZ to two qubits.
export function coupled(a: u32, b: u32): bool {
  const want = min(a, b) << 16 | max(a, b);
  let lo: u32 = 0, hi = edges;
  while (lo < hi) {
    const mid = (lo + hi) / 2;
    if (edgeAt(mid) == want) return true;
    if (edgeAt(mid) < want) lo = mid + 1; else hi = mid;
  }
  return edges == 0;
}

// readSource reads streams 1 and 2.
export function readSource(): i32 {
  const m = qx.message();
  if (qx.open(m, qx.CIRCUIT, qx.KIND_CIRCUIT, 5, CIRCUIT_FORM) || qx.count(m, 0, 2, 8) || qx.read(qx.CIRCUIT, qx.off(m, 0), words, 16)) return qx.BAD_INPUT;
  if (m.items > 1 << 20 || load<u64>(words) < 1 || load<u64>(words) > qx.MAX_WIDTH || load<u64>(words + 8) > qx.MAX_WIDTH) return qx.fail(qx.TOO_LARGE, "more than 1048576 operations, no qubit, or more than 4096 qubits or clbits");
  ops = m.items as u32; qubits = load<u64>(words) as u32; clbits = load<u64>(words + 8) as u32;
  if (qx.count(m, 1, ops, 1) || qx.count(m, 2, 2 * (ops as u64), 2) || qx.count(m, 3, 3 * (ops as u64), 8) || qx.count(m, 4, ops, 4)) return qx.BAD_INPUT;
  let err = readTarget();
  if (err) return err;
  op = qx.part(m, 1); operand = qx.part(m, 2); angles = qx.part(m, 3);
  clbitOf = qx.alloc(4 * (width as u64));
  const clbit = qx.part(m, 4), used = qx.zeros(clbits);
  if (!op || !operand || !angles || !clbitOf || !clbit || !used) return qx.TOO_LARGE;
  memory.fill(clbitOf, 0xff, 4 * width);
  let measured = false;
  for (let i: u32 = 0; i < ops; i++) {
    err = check(i, load<u32>(clbit + 4 * i), used);
    if (err) return err;
    measured = measured || kindOf(i) == MEASURE;
  }
  if (!measured) { // qubit i goes to clbit i
    clbits = max(clbits, qubits);
    for (let q: u32 = 0; q < qubits; q++) store<u32>(clbitOf + 4 * q, q);
  }
  return 0;
}

const LAYERED_FORM: usize = memory.data<u8>([1, 8, 2, 4, 3, 2, 4, 8, 5, 4]);
const lens: usize = memory.data(40, 8);

// writeLayered sends m CZ layers between m+1 layers of gates. Level j is at levels +
// j*stride: width gates in normal form, then width partners (u16) of the CZ layer
// behind them; those of level m are not read.
export function writeLayered(m: u32, levels: usize, stride: u32): i32 {
  const w = width;
  let pairs: u32 = 0;
  for (let pass = 0; pass < 3; pass++) { // count, layer starts, pairs
    if (pass == 1) {
      store<u64>(lens, 16);
      store<u64>(lens + 8, 4 * ((m as u64) + 1));
      store<u64>(lens + 16, 4 * (pairs as u64));
      store<u64>(lens + 24, 24 * ((m as u64) + 1) * w);
      store<u64>(lens + 32, 4 * (w as u64));
      qx.begin(qx.RESULT, qx.KIND_LAYERED, m, 5, LAYERED_FORM, lens);
      qx.putU64(w);
      qx.putU64(clbits);
      pairs = 0;
      qx.putU32(0);
    }
    for (let j: u32 = 0; j < m; j++) {
      const partner = levels + j * stride + 24 * w;
      for (let q: u32 = 0; q < w; q++) {
        const p: u32 = load<u16>(partner + 2 * q);
        if (p == NO_PARTNER || p < q) continue;
        pairs++;
        if (pass == 2) {
          qx.putU16(q);
          qx.putU16(p);
        }
      }
      if (pass == 1) qx.putU32(pairs);
    }
    if (pass > 0) qx.pad();
  }
  for (let j: u32 = 0; j <= m; j++) qx.put(levels + j * stride, 24 * w);
  qx.put(clbitOf, 4 * w);
  qx.pad();
  return qx.end();
}
