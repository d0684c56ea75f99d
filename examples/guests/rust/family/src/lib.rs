//! Trap family echo@1 in Rust; ../../../README.md says what it computes.
#![no_std]
extern crate alloc;

use alloc::vec::Vec;
use qx1::judge::{tally, FAIL, INSUFFICIENT, PASS, PENDING, REASON_A};
use qx1::shake::Stream;
use qx1::traps::{Inputs, Plan, Slots, MATCH_SLOT, MAX_SHOTS, PPB};
use qx1::u3::{HALF_PI, PI, U3};
use qx1::{export, list, Failure, Result, BAD_INPUT};

#[no_mangle]
pub extern "C" fn qx_abi_1() -> i32 {
    1
}

#[no_mangle]
pub extern "C" fn qx_describe() -> i32 {
    qx1::describe("abi=1\nkind=traps\nname=echo\nversion=1.0.0\n")
}

// --- statistics: Chebyshev's inequality on integers ---

fn isqrt(n: u64) -> u64 {
    let mut r = 0u64;
    for k in (0..32).rev() {
        let x = r | 1 << k;
        if x * x <= n {
            r = x;
        }
    }
    r
}

/// The least number of passes of n traps that an honest device with failure rate q
/// (ppb) misses with probability at most alpha (ppb).
fn accept(n: u64, q: u64, alpha: u64) -> u64 {
    n.saturating_sub(n * q / PPB + isqrt(n * q / alpha) + 1)
}

/// Bounds the chance of k or fewer passes of n.
fn left_tail(n: u64, k: u64, q: u64) -> (u64, i64) {
    let (f, mean) = (n - k, (n * q + PPB - 1) / PPB);
    let mut t = if f > mean { n * q / ((f - mean) * (f - mean)) + 1 } else { PPB };
    if t >= PPB {
        return (100_000_000, 0);
    }
    let mut exp = -1;
    while t < 100_000_000 {
        t *= 10;
        exp -= 1;
    }
    (t, exp)
}

// --- plan ---

/// The four Paulis, and each behind a Hadamard.
fn fixed() -> [U3; 8] {
    let mut g = [U3::default(); 8];
    for p in 0..4 {
        g[p] = U3::default().left(p as u32);
        g[4 + p] = U3::new(HALF_PI, 0, PI).left(p as u32);
    }
    g
}

#[no_mangle]
pub extern "C" fn qx_plan() -> i32 {
    export(|| {
        let i = Inputs::read()?;
        let pol = i.policy;
        let mut p = Plan::shape(i.skeleton, i.shots, i.ratio);
        let q = p.n1 * pol.p1 + p.n2 * pol.p2 + p.skeleton.w as u64 * pol.ro;
        let (q, alpha) = (q.clamp(1000, PPB), pol.alpha_e + pol.alpha_a + pol.alpha_b);
        (p.policy, p.p_a, p.n_a, p.c_a, p.mix_a, p.t_min) = (pol, PPB - q, p.traps, accept(p.traps, q, alpha), 1, 128);
        while p.t_min < MAX_SHOTS && 4 * accept(p.t_min, q, alpha) < 3 * p.t_min {
            p.t_min *= 2;
        }
        (p.h_global, p.h_cusum) = (i64::MAX, i64::MAX); // no evidence is weighed before the end
        p.make_palette(&i.gates, &fixed())?;
        p.write()
    })
}

fn read_plan() -> Result<Plan> {
    let p = Plan::read()?;
    if p.mix_a != 1 || p.mix_b != 0 || p.n_b != 0 || p.p_a > PPB || p.c_a > p.n_a {
        return Err(Failure(BAD_INPUT, "plan: made by another trap library"));
    }
    Ok(p)
}

// --- slots ---

/// Marks the traps of a window among the slots of this call: each slot in turn is one
/// with probability (traps left) / (slots left).
fn draw_roles(s: &mut Slots, root: &[u8; 32], j: u64) {
    let (end, mut left) = (s.plan.window_start(j + 1), s.plan.window_traps[j as usize] as u64);
    let mut draw = Stream::new(root, "roles", j);
    for at in s.plan.window_start(j)..end.min(s.first + s.n as u64) {
        if draw.uniform(end - at) < left {
            left -= 1;
            if at >= s.first {
                s.kind[(at - s.first) as usize] = MATCH_SLOT;
            }
        }
    }
}

/// The compiled circuit under a one-time pad. frame has a Pauli per qubit.
fn target(s: &mut Slots, i: usize, draw: &mut Stream, frame: &mut [u32]) -> Result<()> {
    let c = &s.plan.skeleton;
    frame.fill(0);
    for j in 0..=c.m {
        for q in 0..c.w {
            let p = draw.uniform(4) as u32;
            s.put(s.variant(j * c.w + q, frame[q], p))?;
            frame[q] = p;
        }
        if j < c.m {
            c.push(j, frame);
        }
    }
    for q in 0..c.w {
        let (at, bit) = s.bit(i, q);
        if frame[q] & 1 != 0 {
            s.pad[at] |= bit;
        }
    }
    Ok(())
}

/// A circuit of Paulis and Hadamards whose outcome is known. x says which qubits are
/// in the X basis, no two of them coupled; bit is the eigenvalue of each.
fn matching(s: &mut Slots, i: usize, draw: &mut Stream, gates: &[u32; 8], x: &mut [bool], bit: &mut [u32]) -> Result<()> {
    let c = &s.plan.skeleton;
    for b in x.iter_mut() {
        *b = c.m > 0 && draw.uniform(2) == 1;
    }
    for (a, b) in c.all_pairs() {
        x[b] = x[b] && !x[a];
    }
    bit.fill(0);
    for j in 0..=c.m {
        for q in 0..c.w {
            let p = draw.uniform(4) as usize;
            s.put(gates[if x[q] && (j == 0 || j == c.m) { 4 + p } else { p }])?;
            bit[q] ^= if x[q] && j < c.m { p >> 1 } else { p & 1 } as u32;
        }
        if j == c.m {
            break;
        }
        for (a, b) in c.layer(j) {
            if x[a] && !x[b] {
                bit[a] ^= bit[b];
            } else if x[b] && !x[a] {
                bit[b] ^= bit[a];
            }
        }
    }
    for q in 0..c.w {
        let (at, mask) = s.bit(i, q);
        s.mask[at] |= mask;
        if bit[q] != 0 {
            s.pad[at] |= mask;
        }
    }
    Ok(())
}

#[no_mangle]
pub extern "C" fn qx_generate(first: i64, n: i32) -> i32 {
    export(|| {
        let (i, p) = (Inputs::read()?, read_plan()?);
        let mut s = Slots::begin(&p, &i, first, n)?;
        let mut gates = [0; 8];
        for (k, u) in fixed().into_iter().enumerate() {
            gates[k] = p.find(u)?;
        }
        let w = p.skeleton.w;
        let mut frame: Vec<u32> = list(w, 0)?;
        let mut x = list(w, false)?;
        for j in s.window[0]..=s.window[s.n - 1] {
            draw_roles(&mut s, &i.root, j as u64);
        }
        for k in 0..s.n {
            let mut draw = Stream::new(&i.root, "slot", s.first + k as u64);
            if s.kind[k] == MATCH_SLOT {
                matching(&mut s, k, &mut draw, &gates, &mut x, &mut frame)?;
            } else {
                target(&mut s, k, &mut draw, &mut frame)?;
            }
        }
        s.end()
    })
}

// --- judge ---

#[no_mangle]
pub extern "C" fn qx_judge(n: i32) -> i32 {
    export(|| {
        let p = read_plan()?;
        let mut v = tally(&p, n)?;
        let whole = v.judged == v.shots;
        if whole {
            v.tail_a = left_tail(v.n_a, v.k_a, PPB - v.p_a);
            if v.k_a < v.c_a {
                v.reasons |= REASON_A;
            }
        }
        (v.decision, v.trap_pass) = if v.traps == 0 || v.traps < v.t_min {
            (INSUFFICIENT, 0)
        } else if v.reasons & REASON_A != 0 {
            (FAIL, 0)
        } else if v.missing > 0 {
            (FAIL, p.window_start(v.first_bad))
        } else {
            (if whole { PASS } else { PENDING }, v.judged)
        };
        v.write()
    })
}
