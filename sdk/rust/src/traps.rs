//! What every trap library does the same way: inputs, palette, plan, slots.
use crate::message::{malformed, u64_at, Message, Writer};
use crate::u3::U3;
use crate::{buffer, input, list, message, Failure, Result, BAD_INPUT, TOO_LARGE};
use alloc::vec::Vec;

pub const PPB: u64 = 1_000_000_000;
pub const MAX_SHOTS: u64 = 10_000_000;
pub const MAX_WINDOWS: u64 = 64;
pub const MAX_GENERATE: i32 = 4096;
pub const MAX_LOCATIONS: u64 = 16384;
pub const MAX_FIXED: u64 = 64;

pub const TARGET_SLOT: u8 = 0;
pub const MATCH_SLOT: u8 = 1;
pub const PARITY_SLOT: u8 = 2;

/// Parts per 10^9.
#[derive(Clone, Copy, Default, PartialEq)]
pub struct Policy {
    pub p1: u64,
    pub p2: u64,
    pub ro: u64,
    pub alpha_e: u64,
    pub alpha_a: u64,
    pub alpha_b: u64,
    pub tmin_alpha: u64,
    pub tmin_beta: u64,
}

impl Policy {
    fn read(b: &[u8]) -> Result<Policy> {
        let mut v = [0; 8];
        for (i, x) in v.iter_mut().enumerate() {
            *x = u64_at(b, 8 * i);
            if *x > PPB / 2 || i >= 3 && *x == 0 {
                return malformed("policy: a rate is above one half, or an error level is 0");
            }
        }
        Ok(Policy { p1: v[0], p2: v[1], ro: v[2], alpha_e: v[3], alpha_a: v[4], alpha_b: v[5], tmin_alpha: v[6], tmin_beta: v[7] })
    }

    fn write(&self, w: &mut Writer) -> Result<()> {
        for v in [self.p1, self.p2, self.ro, self.alpha_e, self.alpha_a, self.alpha_b, self.tmin_alpha, self.tmin_beta] {
            w.u64(v)?;
        }
        Ok(())
    }
}

/// Location j*w + q is the gate of qubit q before CZ layer j (j = m: behind the last).
#[derive(Clone, PartialEq, Default)]
pub struct Skeleton {
    pub w: usize,
    pub m: usize,
    off: Vec<u32>,
    pairs: Vec<u16>,
}

impl Skeleton {
    fn read(msg: &Message, k: usize, w: u64, m: u64) -> Result<Skeleton> {
        if !(1..=4096).contains(&w) || m > 65536 {
            return malformed("width or number of layers out of range");
        }
        if (m + 1) * w > MAX_LOCATIONS {
            return Err(Failure(TOO_LARGE, "more than 16384 gate positions: use a shallower circuit"));
        }
        msg.count(k, m + 1)?;
        let s = Skeleton { w: w as usize, m: m as usize, off: msg.u32s(k)?, pairs: msg.u16s(k + 1)? };
        let n = s.pairs.len() / 2;
        if s.pairs.len() % 2 != 0 || n as u64 > MAX_LOCATIONS / 2 || s.off[0] != 0 || s.off[s.m] as usize != n {
            return malformed("layer starts do not span the pairs");
        }
        let mut used = list(s.w, 0usize)?;
        for j in 0..s.m {
            let (lo, hi) = (s.off[j] as usize, s.off[j + 1] as usize);
            if lo > hi || hi > n {
                return malformed("a layer starts behind its end");
            }
            for i in lo..hi {
                let (a, b) = (s.pairs[2 * i] as usize, s.pairs[2 * i + 1] as usize);
                if a >= b || b >= s.w || used[a] == j + 1 || used[b] == j + 1 || i > lo && s.pairs[2 * i - 2] as usize >= a {
                    return malformed("CZ pairs of a layer must ascend and share no qubit");
                }
                used[a] = j + 1;
                used[b] = j + 1;
            }
        }
        Ok(s)
    }

    pub fn locations(&self) -> usize {
        (self.m + 1) * self.w
    }

    pub fn row_bytes(&self) -> usize {
        (self.w + 7) / 8
    }

    /// The CZ gates of layer j, or of all layers in order.
    pub fn layer(&self, j: usize) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.pairs[2 * self.off[j] as usize..2 * self.off[j + 1] as usize].chunks(2).map(|p| (p[0] as usize, p[1] as usize))
    }

    pub fn all_pairs(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.pairs.chunks(2).map(|p| (p[0] as usize, p[1] as usize))
    }

    /// Carries one Pauli per qubit through CZ layer j.
    pub fn push(&self, j: usize, f: &mut [u32]) {
        for (a, b) in self.layer(j) {
            let x = f[a];
            f[a] ^= (f[b] & 1) << 1;
            f[b] ^= (x & 1) << 1;
        }
    }
}

/// What qx_plan and qx_generate read besides the plan.
pub struct Inputs {
    pub shots: u64,
    pub ratio: u64,
    pub root: [u8; 32],
    pub policy: Policy,
    pub skeleton: Skeleton,
    pub gates: Vec<U3>,
}

impl Inputs {
    pub fn read() -> Result<Inputs> {
        let h = input(crate::HEADER)?;
        if h.len() != 64 || u64_at(&h, 0) != 1 || h[24..].iter().any(|&b| b != 0) {
            return malformed("header: 64 bytes, version 1, reserved bytes zero");
        }
        let (shots, ratio) = (u64_at(&h, 8), u64_at(&h, 16));
        if !(1..=MAX_SHOTS).contains(&shots) || ratio > 1_000_000 {
            return malformed("header: shots (1 to 10000000) or ratio (0 to 1000000 ppm)");
        }
        let r = input(crate::ROOT)?;
        if r.len() != 96 {
            return malformed("stream 5 must have 96 bytes");
        }
        let mut root = [0; 32];
        root.copy_from_slice(&r[..32]);
        let policy = Policy::read(&r[32..])?;
        let (skeleton, gates) = circuit()?;
        Ok(Inputs { shots, ratio, root, policy, skeleton, gates })
    }
}

fn triples(m: &Message, k: usize) -> Result<Vec<U3>> {
    let mut v = list(m.len(k) / 3, U3::default())?;
    let b = m.bytes(k);
    for (i, u) in v.iter_mut().enumerate() {
        *u = U3::new(u64_at(b, 24 * i), u64_at(b, 24 * i + 8), u64_at(b, 24 * i + 16));
    }
    Ok(v)
}

/// Stream 1, the compiler's output.
fn circuit() -> Result<(Skeleton, Vec<U3>)> {
    let m = Message::open(input(crate::CIRCUIT)?, message::LAYERED, &[(1, 8), (2, 4), (3, 2), (4, 8), (5, 4)])?;
    m.count(0, 2)?;
    let clbits = u64_at(m.bytes(0), 8);
    let s = Skeleton::read(&m, 1, u64_at(m.bytes(0), 0), m.items)?;
    m.count(3, 3 * s.locations() as u64)?;
    m.count(4, s.w as u64)?;
    if !(1..=4096).contains(&clbits) {
        return malformed("number of clbits out of range");
    }
    let gates = triples(&m, 3)?;
    if gates.iter().any(|u| !u.is_valid()) {
        return malformed("a gate is not in normal form");
    }
    let mut seen = buffer(clbits as usize)?;
    for c in m.u32s(4)? {
        if c == u32::MAX {
            continue;
        }
        if c as u64 >= clbits || seen[c as usize] != 0 {
            return malformed("a clbit is out of range or has two qubits");
        }
        seen[c as usize] = 1;
    }
    Ok((s, gates))
}

/// A plan; see SPEC.md for its fields.
#[derive(Clone, Default)]
pub struct Plan {
    pub skeleton: Skeleton,
    pub policy: Policy,
    pub shots: u64,
    pub ratio: u64,
    pub traps: u64,
    pub n1: u64,
    pub n2: u64,
    pub p_a: u64,
    pub p_b: u64,
    pub n_a: u64,
    pub n_b: u64,
    pub c_a: u64,
    pub c_b: u64,
    pub t_min: u64,
    pub mix_a: u64,
    pub mix_b: u64,
    pub h_global: i64,
    pub h_cusum: i64,
    pub window_traps: Vec<u32>,
    pub increments: [i64; 20],
    pub palette: Vec<U3>,
}

const PLAN_FORM: [(u8, u8); 7] = [(1, 8), (2, 4), (3, 8), (4, 8), (5, 4), (6, 2), (7, 8)];

impl Plan {
    /// A plan with what follows from circuit, shots and ratio: the number of traps,
    /// the windows and the traps of each, floor(jT/W) before window j but never more
    /// than slots.
    pub fn shape(skeleton: Skeleton, shots: u64, ratio: u64) -> Plan {
        let mut p = Plan { shots, ratio, n1: skeleton.locations() as u64, n2: skeleton.pairs.len() as u64 / 2, skeleton, ..Plan::default() };
        p.traps = (shots * ratio + 999_999) / 1_000_000;
        let w = (shots / 64).clamp(1, MAX_WINDOWS);
        p.window_traps.resize(w as usize, 0);
        let mut placed = 0;
        for j in 0..w {
            let size = p.window_start(j + 1) - p.window_start(j);
            let now = (placed + size).min(p.traps * (j + 1) / w);
            p.window_traps[j as usize] = (now - placed) as u32;
            placed = now;
        }
        p
    }

    /// The first slot of window j; all shots for j = the number of windows.
    pub fn window_start(&self, j: u64) -> u64 {
        self.shots * j / self.window_traps.len() as u64
    }

    /// The palette: the fixed gates, and every gate of the circuit with a Pauli on
    /// either side.
    pub fn make_palette(&mut self, gates: &[U3], fixed: &[U3]) -> Result<()> {
        let mut all = list(fixed.len() + 16 * gates.len(), U3::default())?;
        all[..fixed.len()].copy_from_slice(fixed);
        for (i, u) in all[fixed.len()..].iter_mut().enumerate() {
            *u = variant(gates[i / 16], i as u32 % 16);
        }
        all.sort_unstable();
        all.dedup();
        self.palette = all;
        Ok(())
    }

    pub fn find(&self, u: U3) -> Result<u32> {
        match self.palette.binary_search(&u) {
            Ok(i) => Ok(i as u32),
            Err(_) => malformed("the palette lacks a gate of this circuit or family"),
        }
    }

    pub fn write(&self) -> Result<()> {
        let (s, windows) = (&self.skeleton, self.window_traps.len() as u64);
        let lens = [144, 4 * windows, 160, 64, 4 * s.off.len() as u64, 2 * s.pairs.len() as u64, 24 * self.palette.len() as u64];
        let mut form = [(0, 0, 0); 7];
        for (k, f) in form.iter_mut().enumerate() {
            *f = (PLAN_FORM[k].0, PLAN_FORM[k].1, lens[k]);
        }
        let mut w = Writer::begin(crate::RESULT, message::PLAN, self.palette.len() as u64, &form)?;
        for v in [s.w as u64, s.m as u64, self.shots, self.ratio, self.traps, self.n1, self.n2, self.p_a, self.p_b, self.n_a, self.n_b, self.c_a, self.c_b, self.t_min, self.mix_a, self.mix_b, self.h_global as u64, self.h_cusum as u64] {
            w.u64(v)?;
        }
        for &t in &self.window_traps {
            w.u32(t)?;
        }
        w.pad()?;
        for &x in &self.increments {
            w.u64(x as u64)?;
        }
        self.policy.write(&mut w)?;
        for &x in &s.off {
            w.u32(x)?;
        }
        w.pad()?;
        for &x in &s.pairs {
            w.u16(x)?;
        }
        w.pad()?;
        for u in &self.palette {
            w.u64(u.t)?;
            w.u64(u.p)?;
            w.u64(u.l)?;
        }
        w.end()
    }

    /// Reads stream 2 and checks all that does not depend on the family.
    pub fn read() -> Result<Plan> {
        let m = Message::open(input(crate::PLAN)?, message::PLAN, &PLAN_FORM)?;
        m.count(0, 18)?;
        m.count(2, 20)?;
        m.count(3, 8)?;
        let (windows, n) = (m.len(1) as u64, m.len(6) as u64 / 3);
        if !(1..=MAX_WINDOWS).contains(&windows) || m.len(6) % 3 != 0 || n < 1 || n != m.items || n > 16 * MAX_LOCATIONS + MAX_FIXED {
            return malformed("plan: number of windows or size of the palette out of range");
        }
        let h = m.u64s(0)?;
        let policy = Policy::read(m.bytes(3))?;
        let skeleton = Skeleton::read(&m, 4, h[0], h[1])?;
        let palette = triples(&m, 6)?;
        if palette.iter().any(|u| u.normal() != *u) || palette.windows(2).any(|p| p[0] >= p[1]) {
            return malformed("plan: palette is not normal, ascending and distinct");
        }
        if !(1..=MAX_SHOTS).contains(&h[2]) || h[3] > 1_000_000 {
            return malformed("plan: shots or ratio out of range");
        }
        let mut p = Plan::shape(skeleton, h[2], h[3]);
        if h[4] != p.traps || h[5] != p.n1 || h[6] != p.n2 || h[9] > p.traps || h[9].wrapping_add(h[10]) != p.traps || m.u32s(1)? != p.window_traps {
            return malformed("plan: counts do not agree");
        }
        (p.p_a, p.p_b, p.n_a, p.n_b, p.c_a, p.c_b, p.t_min, p.mix_a, p.mix_b) = (h[7], h[8], h[9], h[10], h[11], h[12], h[13], h[14], h[15]);
        (p.h_global, p.h_cusum, p.policy, p.palette) = (h[16] as i64, h[17] as i64, policy, palette);
        for (i, x) in p.increments.iter_mut().enumerate() {
            *x = u64_at(m.bytes(2), 8 * i) as i64;
        }
        Ok(p)
    }
}

/// A gate with Pauli x>>2 before and x&3 behind it.
fn variant(u: U3, x: u32) -> U3 {
    u.right(x >> 2).left(x & 3)
}

/// The slots of one qx_generate call.
pub struct Slots<'a> {
    pub plan: &'a Plan,
    pub first: u64,
    pub n: usize,
    pub kind: Vec<u8>,
    pub window: Vec<u32>,
    pub pad: Vec<u8>,
    pub mask: Vec<u8>,
    pub parity: Vec<u8>,
    variants: Vec<u32>,
    rows: Writer,
    wide: bool,
}

impl<'a> Slots<'a> {
    /// Checks the arguments of qx_generate and starts the rows.
    pub fn begin(plan: &'a Plan, i: &Inputs, first: i64, n: i32) -> Result<Slots<'a>> {
        if !(1..=MAX_GENERATE).contains(&n) || first < 0 || first as u64 >= plan.shots || n as u64 > plan.shots - first as u64 {
            return Err(Failure(BAD_INPUT, "slots out of range; one call makes 1 to 4096"));
        }
        if i.skeleton != plan.skeleton || i.shots != plan.shots || i.ratio != plan.ratio {
            return malformed("the plan is not of this job and circuit");
        }
        let (first, n, wide) = (first as u64, n as usize, plan.palette.len() > 65536);
        let (bits, elem) = (n * plan.skeleton.row_bytes(), if wide { 4 } else { 2 });
        let mut variants = list(16 * i.gates.len(), 0)?;
        for (x, v) in variants.iter_mut().enumerate() {
            *v = plan.find(variant(i.gates[x / 16], x as u32 % 16))?;
        }
        let mut window = list(n, 0)?;
        let mut j = 0;
        for (k, w) in window.iter_mut().enumerate() {
            while plan.window_start(j + 1) <= first + k as u64 {
                j += 1;
            }
            *w = j as u32;
        }
        let mut rows = Writer::begin(crate::RESULT, message::ROWS, n as u64, &[(1, 8, 8), (2, elem, elem as u64 * (n * i.gates.len()) as u64)])?;
        rows.u64(first)?;
        Ok(Slots { plan, first, n, kind: buffer(n)?, window, pad: buffer(bits)?, mask: buffer(bits)?, parity: buffer(n)?, variants, rows, wide })
    }

    /// The palette index of the circuit's gate with Paulis before and behind it.
    pub fn variant(&self, location: usize, before: u32, after: u32) -> u32 {
        self.variants[16 * location + (4 * before + after) as usize]
    }

    /// Appends the palette index of the next location of the next slot.
    pub fn put(&mut self, index: u32) -> Result<()> {
        if self.wide {
            self.rows.u32(index)
        } else {
            self.rows.u16(index as u16)
        }
    }

    /// Sets bit q of slot i in a row of bits where it is 1.
    pub fn bit(&self, i: usize, q: usize) -> (usize, u8) {
        (i * self.plan.skeleton.row_bytes() + q / 8, 1 << (q % 8))
    }

    /// Sends the last rows and the hidden data.
    pub fn end(mut self) -> Result<()> {
        self.rows.pad()?;
        self.rows.end()?;
        let (n, bits) = (self.n as u64, self.pad.len() as u64);
        let mut w = Writer::begin(crate::SECRET, message::HIDDEN, n, &[(1, 8, 8), (2, 1, n), (3, 4, 4 * n), (4, 1, bits), (5, 1, bits), (6, 1, n)])?;
        w.u64(self.first)?;
        w.put(&self.kind)?;
        w.pad()?;
        for &x in &self.window {
            w.u32(x)?;
        }
        w.pad()?;
        for part in [&self.pad, &self.mask, &self.parity] {
            w.put(part)?;
            w.pad()?;
        }
        w.end()
    }
}
