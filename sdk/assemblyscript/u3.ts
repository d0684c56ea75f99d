// One-qubit gates as integer Euler angles (theta, phi, lambda), 4π = 2^64, so that
// additions wrap as they should. A gate is 24 bytes of memory.

export const HALF_PI: u64 = 1 << 61;
export const PI: u64 = 1 << 62;
export const TWO_PI: u64 = 1 << 63;
export const ANGLE_LOW: u64 = 0xfff; // bits that are zero in every angle
export const SIZE: usize = 24;

export function mod2pi(a: u64): u64 { return a & (TWO_PI - 1); }

// normal stores the unique representative of Rz(p)·Ry(t)·Rz(l) up to phase.
export function normal(to: usize, t: u64, p: u64, l: u64): void {
  t = mod2pi(t);
  if (t > PI) { // Ry(-x) = Rz(π)·Ry(x)·Rz(-π)
    t = TWO_PI - t;
    p += PI;
    l += PI;
  }
  if (t == 0) {
    l += p;
    p = 0;
  } else if (t == PI) { // Rz(p)·Ry(π) = Ry(π)·Rz(-p)
    l -= p;
    p = 0;
  }
  store<u64>(to, t);
  store<u64>(to + 8, mod2pi(p));
  store<u64>(to + 16, mod2pi(l));
}

// left stores P·u, right u·P; Paulis have bit 0 for X and bit 1 for Z.
export function left(to: usize, u: usize, pauli: u32): void {
  let t = load<u64>(u), p = load<u64>(u + 8), l = load<u64>(u + 16);
  if (pauli & 1) {
    t = PI - t;
    p = 0 - p;
    l += PI;
  }
  if (pauli & 2) p += PI;
  normal(to, t, p, l);
}

export function right(to: usize, u: usize, pauli: u32): void {
  let t = load<u64>(u), p = load<u64>(u + 8), l = load<u64>(u + 16);
  if (pauli & 1) {
    t = PI - t;
    p += PI;
    l = 0 - l;
  }
  if (pauli & 2) l += PI;
  normal(to, t, p, l);
}

export function less(a: usize, b: usize): bool {
  if (load<u64>(a) != load<u64>(b)) return load<u64>(a) < load<u64>(b);
  if (load<u64>(a + 8) != load<u64>(b + 8)) return load<u64>(a + 8) < load<u64>(b + 8);
  return load<u64>(a + 16) < load<u64>(b + 16);
}

export function equal(a: usize, b: usize): bool {
  return load<u64>(a) == load<u64>(b) && load<u64>(a + 8) == load<u64>(b + 8) && load<u64>(a + 16) == load<u64>(b + 16);
}

const scratch: usize = memory.data(24, 8);

// isNormal says whether a gate is in normal form, onGrid whether its angles are angles.
export function isNormal(u: usize): bool {
  normal(scratch, load<u64>(u), load<u64>(u + 8), load<u64>(u + 16));
  return equal(scratch, u);
}

export function onGrid(u: usize): bool { return ((load<u64>(u) | load<u64>(u + 8) | load<u64>(u + 16)) & ANGLE_LOW) == 0; }
