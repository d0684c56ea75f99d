//! SHAKE256 (FIPS 202) as random streams with unbiased draws.

const RATE: usize = 136;

const ROUNDS: [u64; 24] = [
    0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000, 0x000000000000808b, 0x0000000080000001,
    0x8000000080008081, 0x8000000000008009, 0x000000000000008a, 0x0000000000000088, 0x0000000080008009, 0x000000008000000a,
    0x000000008000808b, 0x800000000000008b, 0x8000000000008089, 0x8000000000008003, 0x8000000000008002, 0x8000000000000080,
    0x000000000000800a, 0x800000008000000a, 0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
];

/// Offsets of rho; lane x + 5y.
const RHO: [u32; 25] = [0, 1, 62, 28, 27, 36, 44, 6, 55, 20, 3, 10, 43, 25, 39, 41, 45, 15, 21, 8, 18, 2, 61, 56, 14];

/// Keccak-f[1600].
fn keccak(a: &mut [u64; 25]) {
    for rc in ROUNDS {
        let (mut b, mut c) = ([0u64; 25], [0u64; 5]);
        for x in 0..5 {
            c[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
        }
        for x in 0..5 {
            let d = c[(x + 4) % 5] ^ c[(x + 1) % 5].rotate_left(1);
            for y in 0..5 {
                b[y + 5 * ((2 * x + 3 * y) % 5)] = (a[x + 5 * y] ^ d).rotate_left(RHO[x + 5 * y]);
            }
        }
        for y in 0..5 {
            for x in 0..5 {
                a[5 * y + x] = b[5 * y + x] ^ (!b[5 * y + (x + 1) % 5] & b[5 * y + (x + 2) % 5]);
            }
        }
        a[0] ^= rc;
    }
}

/// SHAKE256("qtrap/v1/stream" ‖ u32be(len label) ‖ label ‖ u64be(index) ‖ u32be(32)
/// ‖ root), read byte by byte.
pub struct Stream {
    s: [u64; 25],
    at: usize,
}

impl Stream {
    /// label has at most 60 bytes.
    pub fn new(root: &[u8; 32], label: &str, index: u64) -> Stream {
        let mut b = [0u8; RATE];
        let mut n = 0;
        let mut put = |part: &[u8]| {
            b[n..n + part.len()].copy_from_slice(part);
            n += part.len();
        };
        put(b"qtrap/v1/stream");
        put(&(label.len() as u32).to_be_bytes());
        put(label.as_bytes());
        put(&index.to_be_bytes());
        put(&32u32.to_be_bytes());
        put(root);
        b[n] = 0x1f;
        b[RATE - 1] ^= 0x80;
        let mut s = [0u64; 25];
        for (i, lane) in s.iter_mut().enumerate().take(RATE / 8) {
            *lane = crate::message::u64_at(&b, 8 * i);
        }
        keccak(&mut s);
        Stream { s, at: 0 }
    }

    fn byte(&mut self) -> u64 {
        if self.at == RATE {
            keccak(&mut self.s);
            self.at = 0;
        }
        let x = self.s[self.at / 8] >> (8 * (self.at % 8)) & 0xff;
        self.at += 1;
        x
    }

    /// A number below n, n at most 2^32: the bytes of n-1 are read little-endian,
    /// masked to its bits, and read again while too large.
    pub fn uniform(&mut self, n: u64) -> u64 {
        if n <= 1 {
            return 0;
        }
        let bits = 64 - (n - 1).leading_zeros();
        loop {
            let (mut v, mut shift) = (0, 0);
            while shift < bits {
                v |= self.byte() << shift;
                shift += 8;
            }
            v &= u64::MAX >> (64 - bits);
            if v < n {
                return v;
            }
        }
    }
}
