//! One-qubit gates as integer Euler angles, 4π = 2^64, so that additions wrap as
//! they should.

pub const HALF_PI: u64 = 1 << 61;
pub const PI: u64 = 1 << 62;
pub const TWO_PI: u64 = 1 << 63;
pub const ANGLE_LOW: u64 = 0xfff; // bits that are zero in every angle

/// Rz(p)·Ry(t)·Rz(l); the order is that of palettes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct U3 {
    pub t: u64,
    pub p: u64,
    pub l: u64,
}

pub fn mod_2pi(a: u64) -> u64 {
    a & (TWO_PI - 1)
}

impl U3 {
    pub const fn new(t: u64, p: u64, l: u64) -> U3 {
        U3 { t, p, l }
    }

    /// The unique representative up to global phase.
    pub fn normal(self) -> U3 {
        let (mut t, mut p, mut l) = (mod_2pi(self.t), self.p, self.l);
        if t > PI {
            // Ry(-x) = Rz(π)·Ry(x)·Rz(-π)
            t = TWO_PI - t;
            p = p.wrapping_add(PI);
            l = l.wrapping_add(PI);
        }
        if t == 0 {
            l = l.wrapping_add(p);
            p = 0;
        } else if t == PI {
            // Rz(p)·Ry(π) = Ry(π)·Rz(-p)
            l = l.wrapping_sub(p);
            p = 0;
        }
        U3::new(t, mod_2pi(p), mod_2pi(l))
    }

    /// P·u; Paulis have bit 0 for X and bit 1 for Z.
    pub fn left(self, pauli: u32) -> U3 {
        let mut u = self;
        if pauli & 1 != 0 {
            u = U3::new(PI.wrapping_sub(u.t), u.p.wrapping_neg(), u.l.wrapping_add(PI));
        }
        if pauli & 2 != 0 {
            u.p = u.p.wrapping_add(PI);
        }
        u.normal()
    }

    /// u·P.
    pub fn right(self, pauli: u32) -> U3 {
        let mut u = self;
        if pauli & 1 != 0 {
            u = U3::new(PI.wrapping_sub(u.t), u.p.wrapping_add(PI), u.l.wrapping_neg());
        }
        if pauli & 2 != 0 {
            u.l = u.l.wrapping_add(PI);
        }
        u.normal()
    }

    /// A normal form on the angle grid.
    pub fn is_valid(self) -> bool {
        self.normal() == self && (self.t | self.p | self.l) & ANGLE_LOW == 0
    }
}
