// Trap family echo@1 in AssemblyScript; ../../README.md says what it computes.
import * as qx from "../../../../sdk/assemblyscript/qx1";
import * as u3 from "../../../../sdk/assemblyscript/u3";
import * as t from "../../../../sdk/assemblyscript/traps";
import * as judge from "../../../../sdk/assemblyscript/judge";
import { stream, uniform } from "../../../../sdk/assemblyscript/shake";

export function qx_abi_1(): i32 { return 1; }

export function qx_describe(): i32 {
  qx.reset();
  return qx.describe("abi=1\nkind=traps\nname=echo\nversion=1.0.0\n");
}

// --- statistics: Chebyshev's inequality on integers ------------------------------

function isqrt(n: u64): u64 {
  let r: u64 = 0;
  for (let bit: u64 = 1 << 31; bit; bit >>= 1) if ((r | bit) * (r | bit) <= n) r |= bit;
  return r;
}

// accept is the least number of passes of n traps that an honest device with failure
// rate q (ppb) misses with probability at most alpha (ppb).
function accept(n: u64, q: u64, alpha: u64): u64 {
  const f = n * q / t.PPB + isqrt(n * q / alpha) + 1;
  return n > f ? n - f : 0;
}

// leftTail bounds the chance of k or fewer passes of n.
function leftTail(n: u64, k: u64, q: u64): void {
  const v = judge.verdict, f = n - k, mean = (n * q + t.PPB - 1) / t.PPB;
  const bound = f > mean ? n * q / ((f - mean) * (f - mean)) + 1 : t.PPB;
  if (bound >= t.PPB) return; // 1, as it was
  v.tailA = bound;
  for (v.tailAExp = -1; v.tailA < 100000000; v.tailAExp--) v.tailA *= 10;
}

// --- plan ------------------------------------------------------------------------

const PAULI: u32 = 0, HADAMARD: u32 = 4, FIXED: u32 = 8;
const fixed: usize = memory.data(8 * 24, 8); // the four Paulis, and each behind a Hadamard
const fixedAt: usize = memory.data(8 * 4, 8); // their indexes

function makeFixed(): void {
  for (let p: u32 = 0; p < 4; p++) {
    const i = fixed + 24 * p, h = i + 24 * HADAMARD;
    memory.fill(i, 0, 24);
    u3.left(i, i, p);
    u3.normal(h, u3.HALF_PI, 0, u3.PI);
    u3.left(h, h, p);
  }
}

export function qx_plan(): i32 {
  qx.reset();
  let err = t.readInputs();
  if (err) return err;
  t.start();
  const p = t.plan, o = t.policy, alpha = o.alphaE + o.alphaA + o.alphaB;
  const q = max<u64>(1000, min<u64>(t.PPB, p.n1 * o.p1 + p.n2 * o.p2 + p.width * o.ro));
  p.pA = t.PPB - q; p.nA = p.traps; p.cA = accept(p.traps, q, alpha); p.mixA = 1;
  for (p.tMin = 128; p.tMin < t.MAX_SHOTS && 4 * accept(p.tMin, q, alpha) < 3 * p.tMin;) p.tMin *= 2;
  p.hGlobal = i64.MAX_VALUE; p.hCusum = i64.MAX_VALUE; // no evidence is weighed before the end
  makeFixed();
  err = t.makePalette(fixed, FIXED);
  return err ? err : t.writePlan();
}

function ownPlan(): i32 {
  const p = t.plan;
  return p.mixA != 1 || p.mixB != 0 || p.nB != 0 || p.pA > t.PPB || p.cA > p.nA ? qx.domain("plan: made by another trap library") : 0;
}

// --- slots -----------------------------------------------------------------------

// drawRoles marks the traps of a window among the slots of this call: each slot in turn
// is one with probability (traps left) / (slots left).
function drawRoles(j: u32): void {
  const end = t.windowStart(j + 1);
  let left: u64 = load<u32>(t.windowTraps + 4 * j);
  stream(t.root, "roles", j);
  for (let at = t.windowStart(j); at < end && at < t.first + t.n; at++) {
    if (uniform(end - at) < left) {
      left--;
      if (at >= t.first) store<u8>(t.kind + ((at - t.first) as usize), t.MATCH_SLOT);
    }
  }
}

let frame: usize = 0, basis: usize = 0, bit: usize = 0; // a byte per qubit

// targetSlot is the compiled circuit under a one-time pad.
function targetSlot(i: u32): void {
  const s = t.skeleton;
  memory.fill(frame, 0, s.w);
  for (let j: u32 = 0; ; j++) {
    for (let q: u32 = 0; q < s.w; q++) {
      const p = uniform(4) as u32;
      t.putIndex(t.variantAt(j * s.w + q, load<u8>(frame + q), p));
      store<u8>(frame + q, p as u8);
    }
    if (j == s.m) break;
    t.push(j, frame);
  }
  for (let q: u32 = 0; q < s.w; q++) if (load<u8>(frame + q) & 1) t.setBit(t.pads, i, q);
}

// drawBasis puts qubits into the X basis, no two of them coupled.
function drawBasis(): void {
  const s = t.skeleton;
  for (let q: u32 = 0; q < s.w; q++) store<u8>(basis + q, s.m > 0 ? uniform(2) as u8 : 0);
  for (let i: u32 = 0; i < s.pairs; i++) if (load<u8>(basis + t.pairAt(i, 0))) store<u8>(basis + t.pairAt(i, 1), 0);
}

function flip(a: u32, b: u32): void { store<u8>(bit + a, load<u8>(bit + a) ^ load<u8>(bit + b)); }

// matchSlot is a circuit of Paulis and Hadamards whose outcome is known.
function matchSlot(i: u32): void {
  const s = t.skeleton;
  drawBasis();
  memory.fill(bit, 0, s.w);
  for (let j: u32 = 0; ; j++) {
    for (let q: u32 = 0; q < s.w; q++) {
      const p = uniform(4) as u32, x = load<u8>(basis + q);
      t.putIndex(load<u32>(fixedAt + 4 * ((x && (j == 0 || j == s.m) ? HADAMARD : PAULI) + p)));
      store<u8>(bit + q, load<u8>(bit + q) ^ ((x && j < s.m ? p >> 1 : p & 1) as u8));
    }
    if (j == s.m) break;
    for (let k = t.layerStart(j); k < t.layerStart(j + 1); k++) {
      const a = t.pairAt(k, 0), b = t.pairAt(k, 1), xa = load<u8>(basis + a), xb = load<u8>(basis + b);
      if (xa && !xb) flip(a, b);
      if (xb && !xa) flip(b, a);
    }
  }
  for (let q: u32 = 0; q < s.w; q++) {
    t.setBit(t.masks, i, q);
    if (load<u8>(bit + q)) t.setBit(t.pads, i, q);
  }
}

export function qx_generate(first: i64, n: i32): i32 {
  qx.reset();
  let err = t.beginSlots(first, n);
  if (!err) err = ownPlan();
  if (err) return err;
  makeFixed();
  for (let k: u32 = 0; k < FIXED; k++) {
    const x = t.find(fixed + 24 * k);
    if (x == t.NOT_FOUND) return qx.domain("the palette lacks a gate of this family");
    store<u32>(fixedAt + 4 * k, x);
  }
  const w = t.skeleton.w;
  frame = qx.alloc(w); basis = qx.alloc(w); bit = qx.alloc(w);
  if (!frame || !basis || !bit) return qx.TOO_LARGE;
  for (let j = load<u32>(t.windows); j <= load<u32>(t.windows + 4 * (t.n - 1)); j++) drawRoles(j);
  for (let i: u32 = 0; i < t.n; i++) {
    stream(t.root, "slot", t.first + i);
    if (load<u8>(t.kind + i) == t.MATCH_SLOT) matchSlot(i); else targetSlot(i);
  }
  return t.endSlots();
}

// --- judge -----------------------------------------------------------------------

export function qx_judge(n: i32): i32 {
  qx.reset();
  let err = t.readPlan();
  if (!err) err = ownPlan();
  if (!err) err = judge.tally(n);
  if (err) return err;
  const v = judge.verdict, whole = v.judged == v.shots;
  if (whole) {
    leftTail(v.nA, v.kA, t.PPB - v.pA);
    if (v.kA < v.cA) v.reasons |= judge.REASON_A;
  }
  if (v.traps == 0 || v.traps < v.tMin) {
    v.decision = judge.INSUFFICIENT;
  } else if (v.reasons & judge.REASON_A) {
    v.decision = judge.FAIL;
  } else if (v.missing) {
    v.decision = judge.FAIL;
    v.trapPass = t.windowStart(v.firstBad);
  } else {
    v.decision = whole ? judge.PASS : judge.PENDING;
    v.trapPass = v.judged;
  }
  return judge.writeVerdict();
}
