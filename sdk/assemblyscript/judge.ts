// Counts what the traps of a job say, every byte checked, and writes a verdict.
import * as qx from "./qx1";
import { plan, skeleton, windowStart, windowTraps, TARGET_SLOT, MATCH_SLOT, PARITY_SLOT, PPB } from "./traps";

export const PASS: u64 = 0;
export const FAIL: u64 = 1;
export const INSUFFICIENT: u64 = 2;
export const PENDING: u64 = 3;

export const REASON_E: u64 = 1;
export const REASON_A: u64 = 2;
export const REASON_B: u64 = 4;
export const REASON_MISSING: u64 = 8;

export const NO_WINDOW: u64 = 0xffffffffffffffff;

// Section 1 of a verdict; a tail is mant * 10^(exp-8).
@unmanaged export class Verdict {
  decision: u64; shots: u64; judged: u64; traps: u64; nA: u64; kA: u64; nB: u64; kB: u64; cA: u64; cB: u64; tMin: u64; firstBad: u64;
  trapPass: u64; trapFail: u64; missing: u64; reasons: u64; maxGlobal: i64; maxCusum: i64; pA: u64; pB: u64;
  tailA: u64; tailAExp: i64; tailB: u64; tailBExp: i64; epsMarkov: u64; epsHidden: u64; zero: u64;
}

export const verdict: Verdict = changetype<Verdict>(memory.data(offsetof<Verdict>(), 8));
const perWindow: usize = memory.data(4 * 64, 8);
const passed: usize = memory.data(4 * 64, 8);

const BLOCK: u32 = 1024; // slots read at once, so that memory does not grow with shots

let kind: usize = 0, window: usize = 0, pad: usize = 0, mask: usize = 0, parity: usize = 0, row: usize = 0, present: usize = 0;

function bump(p: usize): void { store<u32>(p, load<u32>(p) + 1); }

// countSlot checks slot k of the block, of window j, and counts it.
function countSlot(k: u32, j: u32, rb: u32): i32 {
  const v = verdict, w = skeleton.w, high: u32 = w % 8 ? 0xff << (w % 8) & 0xff : 0;
  const P = pad + k * rb, M = mask + k * rb, R = row + k * rb, what = load<u8>(kind + k), par = load<u8>(parity + k);
  const here = load<u8>(present + (k >> 3)) >> ((k & 7) as u8) & 1;
  let ones: u32 = 0, set: u32 = 0, any: u32 = 0;
  for (let i: u32 = 0; i < rb; i++) {
    ones += popcnt<u32>(load<u8>(M + i));
    set += popcnt<u32>((load<u8>(R + i) ^ load<u8>(P + i)) & load<u8>(M + i));
    any |= load<u8>(R + i);
  }
  if (((load<u8>(P + rb - 1) | load<u8>(M + rb - 1)) as u32) & high || par > 1 || what > 2 || load<u32>(window + 4 * k) != j) return qx.domain("hidden: kind, window, parity or unused bits");
  if (what == TARGET_SLOT && ones || what != PARITY_SLOT && par || what == MATCH_SLOT && ones != w || what == PARITY_SLOT && !ones) return qx.domain("hidden: mask or parity of a slot");
  if ((load<u8>(R + rb - 1) as u32) & high || any && !here) return qx.domain("outcomes: unused bits, or bits of an absent slot, are set");
  if (!here) {
    v.missing++;
    if (v.firstBad == NO_WINDOW) v.firstBad = j;
  }
  const pass = here && (what == MATCH_SLOT ? set == 0 : (set & 1) == par);
  if (what == TARGET_SLOT) return 0;
  if (what == MATCH_SLOT) {
    v.nA++;
    if (pass) v.kA++;
  } else {
    v.nB++;
    if (pass) v.kB++;
  }
  bump(perWindow + 4 * j);
  if (pass) bump(passed + 4 * j);
  return 0;
}

const HIDDEN_FORM: usize = memory.data<u8>([1, 8, 2, 1, 3, 4, 4, 1, 5, 1, 6, 1]);
const OUTCOMES_FORM: usize = memory.data<u8>([1, 8, 2, 1, 3, 1]);
const words: usize = memory.data(24, 8);

function openAll(h: qx.Message, o: qx.Message, n: u32, rb: u32): i32 {
  const bits = (n as u64) * rb;
  if (qx.open(h, qx.HIDDEN, qx.KIND_HIDDEN, 6, HIDDEN_FORM) || qx.open(o, qx.OUTCOMES, qx.KIND_OUTCOMES, 3, OUTCOMES_FORM) || qx.count(h, 0, 1, 8) || qx.count(h, 1, n, 1) || qx.count(h, 2, n, 4) || qx.count(h, 3, bits, 1) || qx.count(h, 4, bits, 1) || qx.count(h, 5, n, 1) || qx.count(o, 0, 1, 8) || qx.count(o, 1, bits, 1) || qx.count(o, 2, (n + 7) / 8, 1)) return qx.BAD_INPUT;
  if (qx.read(qx.HIDDEN, qx.off(h, 0), words, 8) || qx.read(qx.OUTCOMES, qx.off(o, 0), words + 8, 8)) return qx.BAD_INPUT;
  if (h.items != n || o.items != n || load<u64>(words) || load<u64>(words + 8)) return qx.domain("hidden data and outcomes must be of slots 0..n-1");
  if (n % 8 && (qx.read(qx.OUTCOMES, qx.off(o, 2) + n / 8, words, 1) || load<u8>(words) >> ((n % 8) as u8))) return qx.domain("outcomes: unused presence bits are set");
  return 0;
}

function readBlock(h: qx.Message, o: qx.Message, i: u64, n: u64, rb: u64): i32 {
  if (qx.read(qx.HIDDEN, qx.off(h, 1) + i, kind, n) || qx.read(qx.HIDDEN, qx.off(h, 2) + 4 * i, window, 4 * n) || qx.read(qx.HIDDEN, qx.off(h, 3) + i * rb, pad, n * rb) || qx.read(qx.HIDDEN, qx.off(h, 4) + i * rb, mask, n * rb)) return qx.BAD_INPUT;
  if (qx.read(qx.HIDDEN, qx.off(h, 5) + i, parity, n) || qx.read(qx.OUTCOMES, qx.off(o, 1) + i * rb, row, n * rb) || qx.read(qx.OUTCOMES, qx.off(o, 2) + i / 8, present, (n + 7) / 8)) return qx.BAD_INPUT;
  return 0;
}

// tally counts slots 0..count-1; count is all shots or the start of a window. The
// plan's numbers are copied into the verdict; the rest is as in a job that proves
// nothing yet.
export function tally(count: i32): i32 {
  const v = verdict, p = plan, n = count as u32, rb = (skeleton.w + 7) / 8;
  let whole: u32 = 0;
  while (whole <= p.windows && windowStart(whole) != n) whole++;
  if (count < 0 || whole > p.windows) return qx.domain("n is neither all shots nor the start of a window");
  const h = qx.message(), o = qx.message();
  if (openAll(h, o, n, rb)) return qx.BAD_INPUT;
  kind = qx.alloc(BLOCK); window = qx.alloc(4 * BLOCK); pad = qx.alloc(BLOCK * rb); mask = qx.alloc(BLOCK * rb); parity = qx.alloc(BLOCK); row = qx.alloc(BLOCK * rb); present = qx.alloc(BLOCK / 8);
  if (!kind || !window || !pad || !mask || !parity || !row || !present) return qx.TOO_LARGE;
  memory.fill(changetype<usize>(v), 0, offsetof<Verdict>());
  memory.fill(perWindow, 0, 256);
  memory.fill(passed, 0, 256);
  v.shots = p.shots; v.judged = n; v.traps = p.traps; v.cA = p.cA; v.cB = p.cB; v.tMin = p.tMin; v.firstBad = NO_WINDOW; v.pA = p.pA; v.pB = p.pB;
  v.tailA = 100000000; v.tailB = 100000000; v.epsMarkov = PPB; v.epsHidden = PPB;
  let j: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    if (i % BLOCK == 0 && readBlock(h, o, i, min(n - i, BLOCK), rb)) return qx.BAD_INPUT;
    if (countSlot(i % BLOCK, j, rb)) return qx.BAD_INPUT;
    if ((i as u64) + 1 == windowStart(j + 1)) {
      if (load<u32>(perWindow + 4 * j) != load<u32>(windowTraps + 4 * j)) return qx.domain("hidden: a window has another number of traps than the plan");
      j++;
    }
  }
  if (v.nA > p.nA || v.nB > p.nB) return qx.domain("hidden: more traps of a kind than the plan has");
  if (v.missing) v.reasons |= REASON_MISSING;
  return 0;
}

const VERDICT_FORM: usize = memory.data<u8>([1, 8, 2, 4, 3, 4]);

// writeVerdict fills in what follows from trapPass, and sends the verdict.
export function writeVerdict(): i32 {
  const w = plan.windows;
  verdict.trapFail = verdict.shots - verdict.trapPass;
  store<u64>(words, offsetof<Verdict>());
  store<u64>(words + 8, 4 * (w as u64));
  store<u64>(words + 16, 4 * (w as u64));
  qx.begin(qx.RESULT, qx.KIND_VERDICT, w, 3, VERDICT_FORM, words);
  qx.put(changetype<usize>(verdict), offsetof<Verdict>());
  qx.put(perWindow, 4 * w);
  qx.pad();
  qx.put(passed, 4 * w);
  qx.pad();
  return qx.end();
}
