// What every trap library does the same way: inputs, palette, plan, slots.
import * as qx from "./qx1";
import * as u3 from "./u3";

export const PPB: u64 = 1000000000;
export const MAX_SHOTS: u64 = 10000000;
export const MAX_WINDOWS: u64 = 64;
export const MAX_GENERATE: i32 = 4096;
export const MAX_LOCATIONS: u64 = 16384;
export const MAX_FIXED: u64 = 64;
export const NOT_FOUND: u32 = 0xffffffff;

export const TARGET_SLOT: u8 = 0;
export const MATCH_SLOT: u8 = 1;
export const PARITY_SLOT: u8 = 2;

// Stream 5: 32 bytes of root, then the policy, parts per 10^9.
@unmanaged export class Policy {
  p1: u64; p2: u64; ro: u64; alphaE: u64; alphaA: u64; alphaB: u64; tminAlpha: u64; tminBeta: u64;
}

// Location j*w + q is the gate of qubit q before CZ layer j (j = m: behind the last).
@unmanaged export class Skeleton {
  w: u32; m: u32; pairs: u32; locations: u32;
  off: usize; // m+1 layer starts, in pairs (u32)
  pair: usize; // operands of the CZ gates (u16)
}

// Section 1 of a plan, then what the SDK keeps with it.
@unmanaged export class Plan {
  width: u64; layers: u64; shots: u64; ratio: u64; traps: u64; n1: u64; n2: u64; pA: u64; pB: u64; nA: u64; nB: u64; cA: u64; cB: u64;
  tMin: u64; mixA: u64; mixB: u64; hGlobal: i64; hCusum: i64;
  windows: u32; palette: u32; // counts
  gates: usize; // the palette
}

const HEAD: usize = 18 * 8;

// What is read and made in one call.
export const skeleton: Skeleton = changetype<Skeleton>(memory.data(offsetof<Skeleton>(), 8)); // of stream 1 or of the plan
export const plan: Plan = changetype<Plan>(memory.data(offsetof<Plan>(), 8));
export const windowTraps: usize = memory.data(4 * 64, 8); // u32 each
export const increments: usize = memory.data(20 * 8, 8);
export const root: usize = memory.data(96, 8);
export const policy: Policy = changetype<Policy>(root + 32);
export let shots: u64 = 0; // of the header
export let ratio: u64 = 0;
export let circuit: usize = 0; // gates of stream 1

const planPolicy: usize = memory.data(64, 8);

function checkPolicy(p: usize): i32 {
  for (let i = 0; i < 8; i++) {
    const v = load<u64>(p + 8 * i);
    if (v > PPB / 2 || i >= 3 && v == 0) return qx.domain("policy: a rate is above one half, or an error level is 0");
  }
  return 0;
}

// pairAt is operand k (0 or 1) of CZ gate i.
export function pairAt(i: u32, k: u32): u32 { return load<u16>(skeleton.pair + 4 * i + 2 * k); }
// layerStart is the first CZ gate of layer j.
export function layerStart(j: u32): u32 { return load<u32>(skeleton.off + 4 * j); }

function readSkeleton(m: qx.Message, k: i32, w: u64, layers: u64): i32 {
  const s = skeleton;
  if (w < 1 || w > qx.MAX_WIDTH || layers > qx.MAX_LAYERS) return qx.domain("width or number of layers out of range");
  if ((layers + 1) * w > MAX_LOCATIONS) return qx.fail(qx.TOO_LARGE, "more than 16384 gate positions: use a shallower circuit");
  if (qx.count(m, k, layers + 1, 4)) return qx.BAD_INPUT;
  const n = qx.len(m, k + 1) / 4;
  if (qx.len(m, k + 1) % 4 || n > MAX_LOCATIONS / 2) return qx.domain("CZ pairs out of range");
  s.w = w as u32; s.m = layers as u32; s.locations = ((layers + 1) * w) as u32; s.pairs = n as u32;
  s.off = qx.part(m, k); s.pair = qx.part(m, k + 1);
  const used = qx.zeros(4 * w); // layer + 1 that last used the qubit
  if (!s.off || !s.pair || !used) return qx.TOO_LARGE;
  if (layerStart(0) != 0 || layerStart(s.m) != s.pairs) return qx.domain("layer starts do not span the pairs");
  for (let j: u32 = 0; j < s.m; j++) {
    if (layerStart(j) > layerStart(j + 1) || layerStart(j + 1) > s.pairs) return qx.domain("a layer starts behind its end");
    for (let i = layerStart(j); i < layerStart(j + 1); i++) {
      const a = pairAt(i, 0), b = pairAt(i, 1);
      if (a >= b || b >= s.w || load<u32>(used + 4 * a) == j + 1 || load<u32>(used + 4 * b) == j + 1 || i > layerStart(j) && pairAt(i - 1, 0) >= a) return qx.domain("CZ pairs of a layer must ascend and share no qubit");
      store<u32>(used + 4 * a, j + 1);
      store<u32>(used + 4 * b, j + 1);
    }
  }
  return 0;
}

const LAYERED_FORM: usize = memory.data<u8>([1, 8, 2, 4, 3, 2, 4, 8, 5, 4]);
const pairOfWords: usize = memory.data(16, 8);

function readCircuit(): i32 {
  const m = qx.message(), s = skeleton;
  if (qx.open(m, qx.CIRCUIT, qx.KIND_LAYERED, 5, LAYERED_FORM) || qx.count(m, 0, 2, 8) || qx.read(qx.CIRCUIT, qx.off(m, 0), pairOfWords, 16)) return qx.BAD_INPUT;
  const clbits = load<u64>(pairOfWords + 8), err = readSkeleton(m, 1, load<u64>(pairOfWords), m.items);
  if (err) return err;
  if (qx.count(m, 3, 3 * (s.locations as u64), 8) || qx.count(m, 4, s.w, 4)) return qx.BAD_INPUT;
  if (clbits < 1 || clbits > qx.MAX_WIDTH) return qx.domain("number of clbits out of range");
  circuit = qx.part(m, 3);
  const clbit = qx.part(m, 4), seen = qx.zeros(clbits);
  if (!circuit || !clbit || !seen) return qx.TOO_LARGE;
  for (let l: usize = 0; l < s.locations; l++) if (!u3.isNormal(circuit + 24 * l) || !u3.onGrid(circuit + 24 * l)) return qx.domain("a gate is not in normal form");
  for (let q: usize = 0; q < s.w; q++) {
    const c = load<u32>(clbit + 4 * q);
    if (c == qx.NO_CLBIT) continue;
    if (c >= clbits || load<u8>(seen + c)) return qx.domain("a clbit is out of range or has two qubits");
    store<u8>(seen + c, 1);
  }
  return 0;
}

const header: usize = memory.data(64, 8);

// readInputs reads streams 0, 1 and 5; the skeleton is that of the circuit.
export function readInputs(): i32 {
  if (qx.inLen(qx.HEADER) != 64 || qx.read(qx.HEADER, 0, header, 64)) return qx.domain("stream 0 must have 64 bytes");
  shots = load<u64>(header + 8); ratio = load<u64>(header + 16);
  let rest: u64 = 0;
  for (let i = 24; i < 64; i += 8) rest |= load<u64>(header + i);
  if (load<u64>(header) != 1 || rest || shots < 1 || shots > MAX_SHOTS || ratio > 1000000) return qx.domain("header: version, reserved bytes, shots (1 to 10000000) or ratio (0 to 1000000 ppm)");
  if (qx.inLen(qx.ROOT) != 96 || qx.read(qx.ROOT, 0, root, 96)) return qx.domain("stream 5 must have 96 bytes");
  return checkPolicy(root + 32) || readCircuit();
}

// windowStart is the first slot of window j; all shots for j = windows.
export function windowStart(j: u64): u64 { return plan.shots * j / plan.windows; }

// Traps of each window: floor(jT/W) lie before window j, but never more than slots.
const shares: usize = memory.data(4 * 64, 8);

// shape computes the number of traps and windows, and shares.
function shape(): u64 {
  const traps = (plan.shots * plan.ratio + 999999) / 1000000;
  const w = max<u64>(1, min<u64>(MAX_WINDOWS, plan.shots / 64));
  let placed: u64 = 0;
  for (let j: u64 = 0; j < w; j++) {
    const size = plan.shots * (j + 1) / w - plan.shots * j / w, now = min(placed + size, traps * (j + 1) / w);
    store<u32>(shares + 4 * (j as usize), (now - placed) as u32);
    placed = now;
  }
  plan.traps = traps;
  return w;
}

// start begins the plan of the inputs.
export function start(): void {
  memory.fill(changetype<usize>(plan), 0, offsetof<Plan>());
  memory.fill(increments, 0, 160);
  plan.width = skeleton.w; plan.layers = skeleton.m; plan.n1 = skeleton.locations; plan.n2 = skeleton.pairs;
  plan.shots = shots; plan.ratio = ratio;
  plan.windows = shape() as u32;
  memory.copy(windowTraps, shares, 256);
  memory.copy(planPolicy, root + 32, 64);
}

// variant stores a gate with Pauli x>>2 before and x&3 behind it.
function variant(to: usize, u: usize, x: u32): void {
  u3.right(to, u, x >> 2);
  u3.left(to, to, x & 3);
}

// sort sorts n gates and drops repeats: merge sort from runs of one. It returns where
// the result is, a or b; kept is how many there are.
let kept: u32 = 0;
function sort(a: usize, b: usize, n: u32): usize {
  for (let run: u32 = 1; run < n; run *= 2) {
    for (let lo: u32 = 0; lo < n; lo += 2 * run) {
      const mid = min(lo + run, n), hi = min(mid + run, n);
      let i = lo, j = mid;
      for (let to = lo; to < hi; to++) {
        const first = j == hi || i < mid && !u3.less(a + 24 * j, a + 24 * i);
        memory.copy(b + 24 * to, a + 24 * (first ? i++ : j++), 24);
      }
    }
    const t = a;
    a = b; b = t;
  }
  kept = 0;
  for (let i: u32 = 0; i < n; i++) if (i == 0 || !u3.equal(a + 24 * i, a + 24 * (kept - 1))) memory.copy(a + 24 * kept++, a + 24 * i, 24);
  return a;
}

// makePalette: the n fixed gates, and every gate of the circuit with a Pauli on
// either side.
export function makePalette(fixed: usize, n: u32): i32 {
  const total = 16 * skeleton.locations + n, a = qx.alloc(24 * (total as u64)), b = qx.alloc(24 * (total as u64));
  if (!a || !b) return qx.TOO_LARGE;
  memory.copy(a, fixed, 24 * n);
  for (let i: u32 = 0; i < 16 * skeleton.locations; i++) variant(a + 24 * (n + i), circuit + 24 * (i >> 4), i & 15);
  plan.gates = sort(a, b, total);
  plan.palette = kept;
  return 0;
}

const PLAN_FORM: usize = memory.data<u8>([1, 8, 2, 4, 3, 8, 4, 8, 5, 4, 6, 2, 7, 8]);
const lens: usize = memory.data(7 * 8, 8);
const parts: usize = memory.data(7 * 4, 8);

export function writePlan(): i32 {
  const s = skeleton, p = plan;
  store<u64>(lens, HEAD); store<u64>(lens + 8, 4 * (p.windows as u64)); store<u64>(lens + 16, 160); store<u64>(lens + 24, 64);
  store<u64>(lens + 32, 4 * ((s.m as u64) + 1)); store<u64>(lens + 40, 4 * (s.pairs as u64)); store<u64>(lens + 48, 24 * (p.palette as u64));
  store<usize>(parts, changetype<usize>(p)); store<usize>(parts + 4, windowTraps); store<usize>(parts + 8, increments); store<usize>(parts + 12, planPolicy);
  store<usize>(parts + 16, s.off); store<usize>(parts + 20, s.pair); store<usize>(parts + 24, p.gates);
  return writeParts(qx.RESULT, qx.KIND_PLAN, p.palette, 7, PLAN_FORM);
}

// writeParts writes a message whose sections lie at parts, lens bytes each.
function writeParts(stream: i32, kind: u32, items: u64, n: i32, form: usize): i32 {
  qx.begin(stream, kind, items, n, form, lens);
  for (let k = 0; k < n; k++) {
    qx.put(load<usize>(parts + 4 * k), load<u64>(lens + 8 * k) as usize);
    qx.pad();
  }
  return qx.end();
}

// readPlan reads stream 2 and checks all that does not depend on the family. The
// skeleton is the plan's afterwards.
export function readPlan(): i32 {
  const m = qx.message(), p = plan;
  if (qx.open(m, qx.PLAN, qx.KIND_PLAN, 7, PLAN_FORM) || qx.count(m, 0, 18, 8) || qx.count(m, 2, 20, 8) || qx.count(m, 3, 8, 8)) return qx.BAD_INPUT;
  const windows = qx.len(m, 1) / 4, n = qx.len(m, 6) / 24;
  if (windows < 1 || windows > MAX_WINDOWS || qx.len(m, 6) % 24 || n < 1 || n != m.items || n > 16 * MAX_LOCATIONS + MAX_FIXED) return qx.domain("plan: number of windows or size of the palette out of range");
  if (qx.read(qx.PLAN, qx.off(m, 0), changetype<usize>(p), HEAD) || qx.read(qx.PLAN, qx.off(m, 1), windowTraps, 4 * windows) || qx.read(qx.PLAN, qx.off(m, 2), increments, 160) || qx.read(qx.PLAN, qx.off(m, 3), planPolicy, 64) || checkPolicy(planPolicy)) return qx.BAD_INPUT;
  const err = readSkeleton(m, 4, p.width, p.layers);
  if (err) return err;
  p.windows = windows as u32; p.palette = n as u32; p.gates = qx.part(m, 6);
  if (!p.gates) return qx.TOO_LARGE;
  for (let i: u32 = 0; i < p.palette; i++) if (!u3.isNormal(p.gates + 24 * i) || i > 0 && !u3.less(p.gates + 24 * (i - 1), p.gates + 24 * i)) return qx.domain("plan: palette is not normal, ascending and distinct");
  if (p.shots < 1 || p.shots > MAX_SHOTS || p.ratio > 1000000) return qx.domain("plan: shots or ratio out of range");
  const traps = p.traps;
  if (shape() != windows || traps != p.traps || p.n1 != skeleton.locations || p.n2 != skeleton.pairs || p.nA > traps || p.nA + p.nB != traps) return qx.domain("plan: counts do not agree");
  for (let j: usize = 0; j < p.windows; j++) if (load<u32>(windowTraps + 4 * j) != load<u32>(shares + 4 * j)) return qx.domain("plan: traps of a window do not agree");
  return 0;
}

// find returns the index of a gate in the palette, or NOT_FOUND.
export function find(u: usize): u32 {
  let lo: u32 = 0, hi = plan.palette;
  while (lo < hi) {
    const mid = (lo + hi) / 2;
    if (u3.less(plan.gates + 24 * mid, u)) lo = mid + 1; else hi = mid;
  }
  return lo < plan.palette && u3.equal(plan.gates + 24 * lo, u) ? lo : NOT_FOUND;
}

// push carries one Pauli per qubit (a byte each) through CZ layer j.
export function push(j: u32, f: usize): void {
  for (let i = layerStart(j); i < layerStart(j + 1); i++) {
    const a = f + pairAt(i, 0), b = f + pairAt(i, 1), x = load<u8>(a);
    store<u8>(a, x ^ (load<u8>(b) & 1) << 1);
    store<u8>(b, load<u8>(b) ^ (x & 1) << 1);
  }
}

// --- slots -----------------------------------------------------------------------

// The slots of one qx_generate call; kind, pad, mask and parity are zero at first.
export let first: u64 = 0, n: u32 = 0, rowBytes: u32 = 0;
export let kind: usize = 0, windows: usize = 0, pads: usize = 0, masks: usize = 0, parity: usize = 0, variants: usize = 0;
let wide: bool = false;

const ROWS_FORM: usize = memory.data<u8>([1, 8, 2, 2]);
const HIDDEN_FORM: usize = memory.data<u8>([1, 8, 2, 1, 3, 4, 4, 1, 5, 1, 6, 1]);
const words: usize = memory.data(24, 8);

// sameCircuit compares the plan's skeleton with that of the circuit, read after it.
function sameCircuit(w: u32, m: u32, pairs: u32, off: usize, pair: usize): bool {
  const s = skeleton;
  return w == s.w && m == s.m && pairs == s.pairs && memory.compare(off, s.off, 4 * (m + 1)) == 0 && memory.compare(pair, s.pair, 4 * pairs) == 0;
}

// beginSlots reads plan and inputs, checks the arguments of qx_generate, finds the
// circuit's gates in the palette, and starts the rows.
export function beginSlots(from: i64, count: i32): i32 {
  let err = readPlan();
  if (err) return err;
  const w = skeleton.w, m = skeleton.m, pairs = skeleton.pairs, off = skeleton.off, pair = skeleton.pair;
  err = readInputs();
  if (err) return err;
  if (!sameCircuit(w, m, pairs, off, pair) || shots != plan.shots || ratio != plan.ratio) return qx.domain("the plan is not of this job and circuit");
  if (count < 1 || count > MAX_GENERATE || from < 0 || (from as u64) >= shots || (count as u64) > shots - (from as u64)) return qx.domain("slots out of range; one call makes 1 to 4096");
  first = from as u64; n = count; rowBytes = (w + 7) / 8; wide = plan.palette > 65536;
  const bits = (n as u64) * rowBytes;
  variants = qx.alloc(64 * (skeleton.locations as u64)); windows = qx.alloc(4 * (n as u64));
  kind = qx.zeros(n); pads = qx.zeros(bits); masks = qx.zeros(bits); parity = qx.zeros(n);
  if (!variants || !windows || !kind || !pads || !masks || !parity) return qx.TOO_LARGE;
  let j: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    while (windowStart(j + 1) <= first + i) j++;
    store<u32>(windows + 4 * i, j);
  }
  for (let i: u32 = 0; i < 16 * skeleton.locations; i++) {
    variant(words, circuit + 24 * (i >> 4), i & 15);
    const x = find(words);
    if (x == NOT_FOUND) return qx.domain("the palette lacks a gate of this circuit");
    store<u32>(variants + 4 * i, x);
  }
  store<u8>(ROWS_FORM + 3, wide ? 4 : 2);
  store<u64>(lens, 8);
  store<u64>(lens + 8, (wide ? 4 : 2) * (n as u64) * skeleton.locations);
  qx.begin(qx.RESULT, qx.KIND_ROWS, n, 2, ROWS_FORM, lens);
  qx.putU64(first);
  return 0;
}

// variantAt is the palette index of the circuit's gate with Paulis before and behind it.
export function variantAt(location: u32, before: u32, after: u32): u32 { return load<u32>(variants + 4 * (16 * location + 4 * before + after)); }

// putIndex appends the palette index of the next location of the next slot.
export function putIndex(x: u32): void { if (wide) qx.putU32(x); else qx.putU16(x); }

// setBit sets bit q of the row of slot i.
export function setBit(rows: usize, i: u32, q: u32): void {
  const p = rows + i * rowBytes + (q >> 3);
  const one: u32 = 1;
  store<u8>(p, load<u8>(p) | ((one << (q & 7)) as u8));
}

// endSlots sends the hidden data.
export function endSlots(): i32 {
  qx.pad();
  const err = qx.end();
  if (err) return err;
  const bits = (n as u64) * rowBytes;
  store<u64>(words, first);
  store<u64>(lens, 8); store<u64>(lens + 8, n); store<u64>(lens + 16, 4 * (n as u64)); store<u64>(lens + 24, bits); store<u64>(lens + 32, bits); store<u64>(lens + 40, n);
  store<usize>(parts, words); store<usize>(parts + 4, kind); store<usize>(parts + 8, windows); store<usize>(parts + 12, pads); store<usize>(parts + 16, masks); store<usize>(parts + 20, parity);
  return writeParts(qx.SECRET, qx.KIND_HIDDEN, n, 6, HIDDEN_FORM);
}
