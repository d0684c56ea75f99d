// SHAKE256 (FIPS 202) as a random stream with unbiased draws. One stream is open at
// a time.

const RATE: usize = 136;

const ROUNDS: usize = memory.data<u64>([
  0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000, 0x000000000000808b, 0x0000000080000001,
  0x8000000080008081, 0x8000000000008009, 0x000000000000008a, 0x0000000000000088, 0x0000000080008009, 0x000000008000000a,
  0x000000008000808b, 0x800000000000008b, 0x8000000000008089, 0x8000000000008003, 0x8000000000008002, 0x8000000000000080,
  0x000000000000800a, 0x800000008000000a, 0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
]);

// For each lane x + 5y: 8 times the lane that it moves to, and by how many bits it
// turns (rho and pi).
const TO: usize = memory.data<u8>([0, 80, 160, 40, 120, 128, 8, 88, 168, 48, 56, 136, 16, 96, 176, 184, 64, 144, 24, 104, 112, 192, 72, 152, 32]);
const TURN: usize = memory.data<u8>([0, 1, 62, 28, 27, 36, 44, 6, 55, 20, 3, 10, 43, 25, 39, 41, 45, 15, 21, 8, 18, 2, 61, 56, 14]);

const s: usize = memory.data(200, 8); // the state
const b: usize = memory.data(200, 8);
const c: usize = memory.data(40, 8);
let pos: usize = 0;

// keccak is Keccak-f[1600].
function keccak(): void {
  for (let r: usize = 0; r < 192; r += 8) {
    for (let x: usize = 0; x < 40; x += 8)
      store<u64>(c + x, load<u64>(s + x) ^ load<u64>(s + x, 40) ^ load<u64>(s + x, 80) ^ load<u64>(s + x, 120) ^ load<u64>(s + x, 160));
    for (let x: usize = 0; x < 5; x++) {
      const d = load<u64>(c + 8 * ((x + 4) % 5)) ^ rotl<u64>(load<u64>(c + 8 * ((x + 1) % 5)), 1);
      for (let i = x; i < 25; i += 5) store<u64>(b + load<u8>(TO + i), rotl<u64>(load<u64>(s + 8 * i) ^ d, load<u8>(TURN + i)));
    }
    for (let y: usize = 0; y < 200; y += 40) {
      const v = load<u64>(b + y), w = load<u64>(b + y, 8), x = load<u64>(b + y, 16), z = load<u64>(b + y, 24), u = load<u64>(b + y, 32);
      store<u64>(s + y, v ^ (~w & x));
      store<u64>(s + y, w ^ (~x & z), 8);
      store<u64>(s + y, x ^ (~z & u), 16);
      store<u64>(s + y, z ^ (~u & v), 24);
      store<u64>(s + y, u ^ (~v & w), 32);
    }
    store<u64>(s, load<u64>(s) ^ load<u64>(ROUNDS + r));
  }
}

// stream opens SHAKE256("qtrap/v1/stream" || u32be(len label) || label || u64be(index)
// || u32be(32) || root), read byte by byte; label has at most 60 bytes.
export function stream(root: usize, label: string, index: u64): void {
  memory.fill(s, 0, 200);
  let n = s;
  const prefix = "qtrap/v1/stream";
  for (let i = 0; i < prefix.length; i++) store<u8>(n++, load<u16>(changetype<usize>(prefix) + 2 * i) as u8);
  store<u8>(n + 3, label.length as u8);
  n += 4;
  for (let i = 0; i < label.length; i++) store<u8>(n++, load<u16>(changetype<usize>(label) + 2 * i) as u8);
  store<u64>(n, bswap<u64>(index));
  store<u8>(n + 11, 32);
  memory.copy(n + 12, root, 32);
  store<u8>(n + 44, 0x1f);
  store<u8>(s + RATE - 1, load<u8>(s + RATE - 1) ^ 0x80);
  keccak();
  pos = 0;
}

function byte(): u64 {
  if (pos == RATE) {
    keccak();
    pos = 0;
  }
  return load<u8>(s + pos++) as u64;
}

// uniform returns a number below n, n at most 2^32: the bytes of n-1 are read
// little-endian, masked to its bits, and read again while too large.
export function uniform(n: u64): u64 {
  if (n <= 1) return 0;
  const bits = 64 - clz<u64>(n - 1), mask = (0xffffffffffffffff as u64) >> (64 - bits);
  let v: u64 = n;
  while (v >= n) {
    v = 0;
    for (let shift: u64 = 0; shift < bits; shift += 8) v |= byte() << shift;
    v &= mask;
  }
  return v;
}
