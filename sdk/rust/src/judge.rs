//! Counts what the traps of a job say, every byte checked, and writes a verdict.
use crate::message::{malformed, u32_at, u64_at, Message, Writer};
use crate::traps::{Plan, MATCH_SLOT, PARITY_SLOT, PPB, TARGET_SLOT};
use crate::{input, list, message, Result};
use alloc::vec::Vec;

pub const PASS: u64 = 0;
pub const FAIL: u64 = 1;
pub const INSUFFICIENT: u64 = 2;
pub const PENDING: u64 = 3;

pub const REASON_E: u64 = 1;
pub const REASON_A: u64 = 2;
pub const REASON_B: u64 = 4;
pub const REASON_MISSING: u64 = 8;

pub const NO_WINDOW: u64 = u64::MAX;

/// A verdict; a tail is mant·10^(exp-8).
#[derive(Default)]
pub struct Verdict {
    pub decision: u64,
    pub shots: u64,
    pub judged: u64,
    pub traps: u64,
    pub n_a: u64,
    pub k_a: u64,
    pub n_b: u64,
    pub k_b: u64,
    pub c_a: u64,
    pub c_b: u64,
    pub t_min: u64,
    pub first_bad: u64,
    pub trap_pass: u64,
    pub missing: u64,
    pub reasons: u64,
    pub max_global: i64,
    pub max_cusum: i64,
    pub p_a: u64,
    pub p_b: u64,
    pub tail_a: (u64, i64),
    pub tail_b: (u64, i64),
    pub eps_markov: u64,
    pub eps_hidden: u64,
    pub window_traps: Vec<u32>,
    pub window_passed: Vec<u32>,
}

/// Counts slots 0..n-1; n is all shots or the start of a window. The plan's numbers
/// are copied into the verdict; the rest is as in a job that proves nothing yet.
pub fn tally(p: &Plan, n: i32) -> Result<Verdict> {
    let windows = p.window_traps.len();
    let (w, rb) = (p.skeleton.w, p.skeleton.row_bytes());
    let whole = match (0..=windows).find(|&j| n >= 0 && p.window_start(j as u64) == n as u64) {
        Some(j) => j,
        None => return malformed("n is neither all shots nor the start of a window"),
    };
    let n = n as u64;
    let h = Message::open(input(crate::HIDDEN)?, message::HIDDEN, &[(1, 8), (2, 1), (3, 4), (4, 1), (5, 1), (6, 1)])?;
    let o = Message::open(input(crate::OUTCOMES)?, message::OUTCOMES, &[(1, 8), (2, 1), (3, 1)])?;
    for (m, k, count) in [(&h, 0, 1), (&h, 1, n), (&h, 2, n), (&h, 3, n * rb as u64), (&h, 4, n * rb as u64), (&h, 5, n), (&o, 0, 1), (&o, 1, n * rb as u64), (&o, 2, (n + 7) / 8)] {
        m.count(k, count)?;
    }
    if h.items != n || o.items != n || u64_at(h.bytes(0), 0) != 0 || u64_at(o.bytes(0), 0) != 0 {
        return malformed("hidden data and outcomes must be of slots 0..n-1");
    }
    if n % 8 != 0 && o.bytes(2)[(n / 8) as usize] >> (n % 8) != 0 {
        return malformed("outcomes: unused presence bits are set");
    }
    let mut v = Verdict { shots: p.shots, judged: n, traps: p.traps, c_a: p.c_a, c_b: p.c_b, t_min: p.t_min, first_bad: NO_WINDOW, p_a: p.p_a, p_b: p.p_b, ..Verdict::default() };
    (v.tail_a, v.tail_b, v.eps_markov, v.eps_hidden) = ((100_000_000, 0), (100_000_000, 0), PPB, PPB);
    (v.window_traps, v.window_passed) = (list(windows, 0)?, list(windows, 0)?);
    for j in 0..whole {
        for i in p.window_start(j as u64) as usize..p.window_start(j as u64 + 1) as usize {
            let row = i * rb..(i + 1) * rb;
            let slot = Slot { kind: h.bytes(1)[i], window: u32_at(h.bytes(2), 4 * i), pad: &h.bytes(3)[row.clone()], mask: &h.bytes(4)[row.clone()], parity: h.bytes(5)[i], row: &o.bytes(1)[row], here: o.bytes(2)[i / 8] >> (i % 8) & 1 == 1 };
            slot.count(&mut v, w, j)?;
        }
        if v.window_traps[j] != p.window_traps[j] {
            return malformed("hidden: a window has another number of traps than the plan");
        }
    }
    if v.n_a > p.n_a || v.n_b > p.n_b {
        return malformed("hidden: more traps of a kind than the plan has");
    }
    if v.missing > 0 {
        v.reasons |= REASON_MISSING;
    }
    Ok(v)
}

struct Slot<'a> {
    kind: u8,
    window: u32,
    pad: &'a [u8],
    mask: &'a [u8],
    parity: u8,
    row: &'a [u8],
    here: bool,
}

impl Slot<'_> {
    fn count(&self, v: &mut Verdict, w: usize, j: usize) -> Result<()> {
        let (mut ones, mut set, mut any) = (0, 0, 0);
        for k in 0..self.row.len() {
            ones += self.mask[k].count_ones();
            set += ((self.row[k] ^ self.pad[k]) & self.mask[k]).count_ones();
            any |= self.row[k];
        }
        let last = self.row.len() - 1;
        let high = if w % 8 == 0 { 0 } else { 0xffu8 << (w % 8) };
        if (self.pad[last] | self.mask[last]) & high != 0 || self.parity > 1 || self.kind > 2 || self.window as usize != j {
            return malformed("hidden: kind, window, parity or unused bits");
        }
        if self.kind == TARGET_SLOT && ones > 0 || self.kind != PARITY_SLOT && self.parity > 0 || self.kind == MATCH_SLOT && ones as usize != w || self.kind == PARITY_SLOT && ones == 0 {
            return malformed("hidden: mask or parity of a slot");
        }
        if self.row[last] & high != 0 || any != 0 && !self.here {
            return malformed("outcomes: unused bits, or bits of an absent slot, are set");
        }
        if !self.here {
            v.missing += 1;
            v.first_bad = v.first_bad.min(j as u64);
        }
        let pass = (self.here && if self.kind == MATCH_SLOT { set == 0 } else { set & 1 == self.parity as u32 }) as u64;
        match self.kind {
            TARGET_SLOT => return Ok(()),
            MATCH_SLOT => (v.n_a, v.k_a) = (v.n_a + 1, v.k_a + pass),
            _ => (v.n_b, v.k_b) = (v.n_b + 1, v.k_b + pass),
        }
        v.window_traps[j] += 1;
        v.window_passed[j] += pass as u32;
        Ok(())
    }
}

impl Verdict {
    /// Sends the verdict.
    pub fn write(&self) -> Result<()> {
        let n = self.window_traps.len() as u64;
        let mut w = Writer::begin(crate::RESULT, message::VERDICT, n, &[(1, 8, 216), (2, 4, 4 * n), (3, 4, 4 * n)])?;
        for x in [self.decision, self.shots, self.judged, self.traps, self.n_a, self.k_a, self.n_b, self.k_b, self.c_a, self.c_b, self.t_min, self.first_bad, self.trap_pass, self.shots - self.trap_pass, self.missing, self.reasons, self.max_global as u64, self.max_cusum as u64, self.p_a, self.p_b, self.tail_a.0, self.tail_a.1 as u64, self.tail_b.0, self.tail_b.1 as u64, self.eps_markov, self.eps_hidden, 0] {
            w.u64(x)?;
        }
        for list in [&self.window_traps, &self.window_passed] {
            for &x in list {
                w.u32(x)?;
            }
            w.pad()?;
        }
        w.end()
    }
}
