//! Messages in their one encoding: readers refuse any other bytes.
use crate::{write, Failure, Result, BAD_INPUT};
use alloc::vec::Vec;

pub const CIRCUIT: u16 = 1;
pub const TARGET: u16 = 2;
pub const LAYERED: u16 = 4;
pub const PLAN: u16 = 5;
pub const ROWS: u16 = 6;
pub const HIDDEN: u16 = 7;
pub const OUTCOMES: u16 = 8;
pub const VERDICT: u16 = 9;

pub fn malformed<T>(why: &'static str) -> Result<T> {
    Err(Failure(BAD_INPUT, why))
}

pub fn u64_at(b: &[u8], at: usize) -> u64 {
    let mut x = [0; 8];
    x.copy_from_slice(&b[at..at + 8]);
    u64::from_le_bytes(x)
}

pub fn u32_at(b: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([b[at], b[at + 1], b[at + 2], b[at + 3]])
}

pub fn u16_at(b: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([b[at], b[at + 1]])
}

/// A message whose form was checked.
pub struct Message {
    pub items: u64,
    bytes: Vec<u8>,
    sections: Vec<(usize, usize, usize)>, // start, length in bytes, element size
}

impl Message {
    /// Checks kind, section ids and element sizes (pairs), offsets and padding.
    pub fn open(bytes: Vec<u8>, kind: u16, want: &[(u8, u8)]) -> Result<Message> {
        let n = want.len();
        let mut off = 32 + 24 * n;
        if bytes.len() < off {
            return malformed("message: too short");
        }
        if u32_at(&bytes, 0) != 0x31465851 || u16_at(&bytes, 4) != kind || u16_at(&bytes, 6) != 1 || u32_at(&bytes, 8) != 0 || u32_at(&bytes, 20) as usize != n || u64_at(&bytes, 24) != 0 {
            return malformed("message: header");
        }
        let mut m = Message { items: u64_at(&bytes, 12), bytes, sections: Vec::new() };
        for (k, &(id, elem)) in want.iter().enumerate() {
            let e = 32 + 24 * k;
            let (head, at, len) = (u64_at(&m.bytes, e), u64_at(&m.bytes, e + 8), u64_at(&m.bytes, e + 16));
            let total = m.bytes.len() as u64;
            if head != (id as u64 | (elem as u64) << 16) || at != off as u64 || at > total || len > total - at || len % elem as u64 != 0 {
                return malformed("message: section table");
            }
            let end = off + len as usize;
            let next = (end + 7) & !7;
            if next > m.bytes.len() || m.bytes[end..next].iter().any(|&b| b != 0) {
                return malformed("message: padding is missing or not zero");
            }
            m.sections.push((off, len as usize, elem as usize));
            off = next;
        }
        if off != m.bytes.len() {
            return malformed("message: bytes behind the last section");
        }
        Ok(m)
    }

    /// The number of elements of section k.
    pub fn len(&self, k: usize) -> usize {
        self.sections[k].1 / self.sections[k].2
    }

    pub fn bytes(&self, k: usize) -> &[u8] {
        let (at, len, _) = self.sections[k];
        &self.bytes[at..at + len]
    }

    /// Demands that section k has n elements.
    pub fn count(&self, k: usize, n: u64) -> Result<()> {
        if self.len(k) as u64 == n {
            Ok(())
        } else {
            malformed("message: a section has another number of elements")
        }
    }

    pub fn u64s(&self, k: usize) -> Result<Vec<u64>> {
        let mut v = crate::list(self.len(k), 0)?;
        for (i, x) in v.iter_mut().enumerate() {
            *x = u64_at(self.bytes(k), 8 * i);
        }
        Ok(v)
    }

    pub fn u32s(&self, k: usize) -> Result<Vec<u32>> {
        let mut v = crate::list(self.len(k), 0)?;
        for (i, x) in v.iter_mut().enumerate() {
            *x = u32_at(self.bytes(k), 4 * i);
        }
        Ok(v)
    }

    pub fn u16s(&self, k: usize) -> Result<Vec<u16>> {
        let mut v = crate::list(self.len(k), 0)?;
        for (i, x) in v.iter_mut().enumerate() {
            *x = u16_at(self.bytes(k), 2 * i);
        }
        Ok(v)
    }
}

const CHUNK: usize = 65536;

/// A message on its way out; sections follow each other as they were announced.
pub struct Writer {
    stream: i32,
    buf: Vec<u8>,
    at: u64,
}

impl Writer {
    /// Starts a message with sections (id, element size, bytes).
    pub fn begin(stream: i32, kind: u16, items: u64, sections: &[(u8, u8, u64)]) -> Result<Writer> {
        let mut w = Writer { stream, buf: Vec::new(), at: 0 };
        if w.buf.try_reserve_exact(CHUNK + 64).is_err() {
            return Err(Failure(crate::TOO_LARGE, "out of memory: no room to write"));
        }
        w.put(b"QXF1")?;
        w.u16(kind)?;
        w.u16(1)?;
        w.u32(0)?;
        w.u64(items)?;
        w.u32(sections.len() as u32)?;
        w.u64(0)?;
        let mut off = 32 + 24 * sections.len() as u64;
        for &(id, elem, len) in sections {
            w.u16(id as u16)?;
            w.u16(elem as u16)?;
            w.u32(0)?;
            w.u64(off)?;
            w.u64(len)?;
            off = (off + len + 7) & !7;
        }
        Ok(w)
    }

    pub fn put(&mut self, mut b: &[u8]) -> Result<()> {
        self.at += b.len() as u64;
        while !b.is_empty() {
            let n = b.len().min(CHUNK - self.buf.len());
            self.buf.extend_from_slice(&b[..n]);
            b = &b[n..];
            if self.buf.len() == CHUNK {
                self.flush()?;
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        if !self.buf.is_empty() {
            write(self.stream, &self.buf)?;
            self.buf.clear();
        }
        Ok(())
    }

    pub fn u16(&mut self, v: u16) -> Result<()> {
        self.put(&v.to_le_bytes())
    }

    pub fn u32(&mut self, v: u32) -> Result<()> {
        self.put(&v.to_le_bytes())
    }

    pub fn u64(&mut self, v: u64) -> Result<()> {
        self.put(&v.to_le_bytes())
    }

    /// Ends a section.
    pub fn pad(&mut self) -> Result<()> {
        let n = (self.at.wrapping_neg() & 7) as usize;
        self.put(&[0; 8][..n])
    }

    /// Sends the rest.
    pub fn end(mut self) -> Result<()> {
        self.flush()
    }
}
