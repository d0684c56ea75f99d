//! Compiler pass peephole@1 in Rust; ../../../README.md says what it does.
#![no_std]
extern crate alloc;

use alloc::vec::Vec;
use qx1::compile::{Source, BARRIER, CZ, GATE, NO_PARTNER};
use qx1::u3::{mod_2pi, PI, U3};
use qx1::{export, list, Failure, Result, TOO_LARGE, UNSUPPORTED};

#[no_mangle]
pub extern "C" fn qx_abi_1() -> i32 {
    1
}

#[no_mangle]
pub extern "C" fn qx_describe() -> i32 {
    qx1::describe("abi=1\nkind=compiler\nname=peephole\nversion=1.0.0\n")
}

/// One gate of a followed by b where integers can.
fn merge(a: U3, b: U3) -> Option<U3> {
    let x = mod_2pi(b.l.wrapping_add(a.p)); // the rotation about Z between them
    let u = if a.t == 0 {
        U3::new(b.t, b.p, b.l.wrapping_add(a.l))
    } else if b.t == 0 {
        U3::new(a.t, a.p.wrapping_add(b.l), a.l)
    } else if x == 0 {
        U3::new(a.t.wrapping_add(b.t), b.p, a.l)
    } else if x == PI {
        // Rz(π)·Ry(t) = Ry(-t)·Rz(π)
        U3::new(b.t.wrapping_sub(a.t), b.p, a.l.wrapping_add(PI))
    } else if a.t == PI {
        // Rz(x)·Ry(π) = Ry(π)·Rz(-x)
        U3::new(b.t.wrapping_add(PI), b.p, a.l.wrapping_sub(x))
    } else if b.t == PI {
        U3::new(a.t.wrapping_add(PI), b.p.wrapping_sub(x), a.l)
    } else {
        return None;
    };
    Some(u.normal())
}

/// Levels of gates, and the partners of the CZ layer behind each.
struct Schedule {
    w: usize,
    gates: Vec<U3>,
    partners: Vec<u16>,
    at: Vec<usize>, // the level of each qubit's last gate
}

impl Schedule {
    /// Makes levels up to number j.
    fn need(&mut self, j: usize) -> Result<()> {
        let n = (j + 1) * self.w;
        if j > 65536 {
            return Err(Failure(TOO_LARGE, "the circuit needs more than 65536 layers"));
        }
        if n > self.gates.len() {
            if self.gates.try_reserve(n - self.gates.len()).is_err() || self.partners.try_reserve(n - self.partners.len()).is_err() {
                return Err(Failure(TOO_LARGE, "out of memory: the circuit does not fit the module's limit"));
            }
            self.gates.resize(n, U3::default());
            self.partners.resize(n, NO_PARTNER);
        }
        Ok(())
    }

    fn gate(&mut self, q: usize, u: U3) -> Result<()> {
        let i = self.at[q] * self.w + q;
        if let Some(v) = merge(self.gates[i], u) {
            self.gates[i] = v;
            return Ok(());
        }
        self.at[q] += 1;
        self.need(self.at[q])?;
        self.gates[i + self.w] = u;
        Ok(())
    }

    fn cz(&mut self, a: usize, b: usize) -> Result<()> {
        let (w, j) = (self.w, self.at[a].max(self.at[b]));
        let identity = U3::default();
        if self.at[a] == self.at[b] && j > 0 && self.partners[(j - 1) * w + a] as usize == b && self.gates[j * w + a] == identity && self.gates[j * w + b] == identity {
            // two CZ are none
            self.partners[(j - 1) * w + a] = NO_PARTNER;
            self.partners[(j - 1) * w + b] = NO_PARTNER;
            (self.at[a], self.at[b]) = (j - 1, j - 1);
            return Ok(());
        }
        self.need(j + 1)?;
        self.partners[j * w + a] = b as u16;
        self.partners[j * w + b] = a as u16;
        (self.at[a], self.at[b]) = (j + 1, j + 1);
        Ok(())
    }

    fn deepest(&self) -> usize {
        self.at.iter().copied().max().unwrap_or(0)
    }

    fn barrier(&mut self) -> Result<()> {
        let m = self.deepest() + 1;
        self.at.fill(m);
        self.need(m)
    }
}

#[no_mangle]
pub extern "C" fn qx_compile() -> i32 {
    export(|| {
        let src = Source::read()?;
        let mut s = Schedule { w: src.width, gates: Vec::new(), partners: Vec::new(), at: list(src.width, 0)? };
        s.need(0)?;
        for op in &src.ops {
            match op.kind {
                GATE => s.gate(op.a as usize, op.u.normal())?,
                CZ if !src.coupled(op.a, op.b) => return Err(Failure(UNSUPPORTED, "the device does not couple the qubits of a CZ, and this pass does not route")),
                CZ => s.cz(op.a as usize, op.b as usize)?,
                BARRIER => s.barrier()?,
                _ => {}
            }
        }
        src.write(s.deepest(), &s.gates, &s.partners)
    })
}
