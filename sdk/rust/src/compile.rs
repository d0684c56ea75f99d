//! What every compiler does the same way: it reads circuit and target, checking every
//! operation, and writes a layered circuit.
use crate::message::{malformed, u16_at, u64_at, Message, Writer};
use crate::u3::{ANGLE_LOW, U3};
use crate::{buffer, input, list, message, Failure, Result, TOO_LARGE, UNSUPPORTED};
use alloc::vec::Vec;

pub const BARRIER: u8 = 0;
pub const MEASURE: u8 = 1;
pub const GATE: u8 = 3;
pub const CZ: u8 = 4;

pub const NO_PARTNER: u16 = 0xffff;
const NO_CLBIT: u32 = u32::MAX;

/// One operation; what a kind does not use is zero.
#[derive(Clone, Copy, Default)]
pub struct Op {
    pub kind: u8,
    pub a: u16,
    pub b: u16,
    pub u: U3,
}

pub struct Source {
    pub qubits: usize,
    pub width: usize, // qubits of the device
    pub ops: Vec<Op>,
    clbits: u64,
    clbit_of: Vec<u32>,
    edges: Vec<(u16, u16)>,
}

fn refuse<T>(why: &'static str) -> Result<T> {
    Err(Failure(UNSUPPORTED, why))
}

impl Source {
    /// Reads streams 1 and 2.
    pub fn read() -> Result<Source> {
        let m = Message::open(input(crate::CIRCUIT)?, message::CIRCUIT, &[(1, 8), (2, 1), (3, 2), (4, 8), (5, 4)])?;
        m.count(0, 2)?;
        let (qubits, clbits, n) = (u64_at(m.bytes(0), 0), u64_at(m.bytes(0), 8), m.items);
        if n > 1 << 20 || !(1..=4096).contains(&qubits) || clbits > 4096 {
            return Err(Failure(TOO_LARGE, "more than 1048576 operations, no qubit, or more than 4096 qubits or clbits"));
        }
        for (k, each) in [(1, 1), (2, 2), (3, 3), (4, 1)] {
            m.count(k, each * n)?;
        }
        let mut s = Source { qubits: qubits as usize, width: qubits as usize, ops: list(n as usize, Op::default())?, clbits, clbit_of: Vec::new(), edges: Vec::new() };
        s.read_target()?;
        s.clbit_of = list(s.width, NO_CLBIT)?;
        let (clbit, mut used) = (m.u32s(4)?, buffer(clbits as usize)?);
        let mut measured = false;
        for i in 0..n as usize {
            let (q, a) = (m.bytes(2), m.bytes(3));
            let op = Op { kind: m.bytes(1)[i], a: u16_at(q, 4 * i), b: u16_at(q, 4 * i + 2), u: U3::new(u64_at(a, 24 * i), u64_at(a, 24 * i + 8), u64_at(a, 24 * i + 16)) };
            s.check(&op, clbit[i], &mut used)?;
            measured |= op.kind == MEASURE;
            s.ops[i] = op;
        }
        if !measured {
            // qubit i goes to clbit i
            s.clbits = s.clbits.max(qubits);
            for q in 0..s.qubits {
                s.clbit_of[q] = q as u32;
            }
        }
        Ok(s)
    }

    fn read_target(&mut self) -> Result<()> {
        let m = Message::open(input(crate::TARGET)?, message::TARGET, &[(1, 8), (2, 2)])?;
        m.count(0, 1)?;
        if m.items > 1 << 23 {
            return malformed("target: more than 8388608 edges");
        }
        m.count(1, 2 * m.items)?;
        let width = u64_at(m.bytes(0), 0);
        if width > 4096 || width != 0 && (width as usize) < self.qubits {
            return refuse("the device has fewer qubits than the circuit, or more than 4096");
        }
        if width != 0 {
            self.width = width as usize;
        }
        self.edges = list(m.items as usize, (0, 0))?;
        for (i, e) in self.edges.iter_mut().enumerate() {
            *e = (u16_at(m.bytes(1), 4 * i), u16_at(m.bytes(1), 4 * i + 2));
        }
        if self.edges.iter().any(|e| e.0 >= e.1 || e.1 as usize >= self.width) || self.edges.windows(2).any(|e| e[0] >= e[1]) {
            return malformed("target: edges must be pairs A < B of the device's qubits, ascending");
        }
        Ok(())
    }

    /// Checks an operation; measurements are final and noted.
    fn check(&mut self, op: &Op, clbit: u32, used: &mut [u8]) -> Result<()> {
        let angles = op.u.t | op.u.p | op.u.l;
        let n = match op.kind {
            BARRIER => 0,
            MEASURE | GATE => 1,
            CZ => 2,
            _ => return refuse("an operation has an unknown gate"),
        };
        if (if op.kind == GATE { angles & ANGLE_LOW } else { angles }) != 0 || op.kind != MEASURE && clbit != 0 || n < 2 && op.b != 0 || n < 1 && op.a != 0 || n == 2 && op.a == op.b {
            return refuse("unused fields of an operation are not zero");
        }
        for &q in &[op.a, op.b][..n] {
            if q as usize >= self.qubits || self.clbit_of[q as usize] != NO_CLBIT {
                return refuse("a qubit is out of range, or was measured before; only final measurements have a layered form");
            }
        }
        if op.kind == MEASURE {
            if clbit as u64 >= self.clbits || used[clbit as usize] != 0 {
                return refuse("a clbit is out of range or measured twice");
            }
            used[clbit as usize] = 1;
            self.clbit_of[op.a as usize] = clbit;
        }
        Ok(())
    }

    /// Whether the device can apply CZ to two qubits.
    pub fn coupled(&self, a: u16, b: u16) -> bool {
        self.edges.is_empty() || self.edges.binary_search(&(a.min(b), a.max(b))).is_ok()
    }

    /// Sends m CZ layers between m+1 layers of gates: `width` gates in normal form and
    /// `width` partners a level; the partners of level m are not read.
    pub fn write(&self, m: usize, gates: &[U3], partners: &[u16]) -> Result<()> {
        let w = self.width;
        let pair = |j: usize, q: usize| partners[j * w + q] != NO_PARTNER && partners[j * w + q] as usize > q;
        let pairs = (0..m * w).filter(|&i| pair(i / w, i % w)).count() as u64;
        let form = [(1, 8, 16), (2, 4, 4 * (m as u64 + 1)), (3, 2, 4 * pairs), (4, 8, 24 * ((m + 1) * w) as u64), (5, 4, 4 * w as u64)];
        let mut o = Writer::begin(crate::RESULT, message::LAYERED, m as u64, &form)?;
        o.u64(w as u64)?;
        o.u64(self.clbits)?;
        let mut at = 0;
        o.u32(at)?;
        for j in 0..m {
            at += (0..w).filter(|&q| pair(j, q)).count() as u32;
            o.u32(at)?;
        }
        o.pad()?;
        for i in (0..m * w).filter(|&i| pair(i / w, i % w)) {
            o.u16((i % w) as u16)?;
            o.u16(partners[i])?;
        }
        o.pad()?;
        for u in &gates[..(m + 1) * w] {
            o.u64(u.t)?;
            o.u64(u.p)?;
            o.u64(u.l)?;
        }
        for &c in &self.clbit_of {
            o.u32(c)?;
        }
        o.pad()?;
        o.end()
    }
}
