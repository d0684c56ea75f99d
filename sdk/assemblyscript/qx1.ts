// Guests of ABI qx1 in AssemblyScript: imports, failures, memory, and messages in
// their one encoding. Nothing here is garbage collected: memory is taken from the
// end of the data on and starts anew with each call, so begin every export with
// reset(). A function that can fail has called qx1.fail before it returns a
// non-zero code.

@external("qx1", "in_len") declare function host_in_len(stream: i32): i64;
@external("qx1", "in_read") declare function host_in_read(stream: i32, off: i64, ptr: usize, len: i32): i32;
@external("qx1", "out_write") declare function host_out_write(stream: i32, ptr: usize, len: i32): i32;
@external("qx1", "fail") declare function host_fail(code: i32, ptr: usize, len: i32): void;
@external("qx1", "log") declare function host_log(level: i32, ptr: usize, len: i32): void;

// Streams.
export const HEADER: i32 = 0;
export const CIRCUIT: i32 = 1;
export const PLAN: i32 = 2;
export const TARGET: i32 = 2;
export const HIDDEN: i32 = 3;
export const OUTCOMES: i32 = 4;
export const ROOT: i32 = 5;
export const RESULT: i32 = 16;
export const SECRET: i32 = 17;

// Kinds of messages.
export const KIND_CIRCUIT: u32 = 1;
export const KIND_TARGET: u32 = 2;
export const KIND_LAYERED: u32 = 4;
export const KIND_PLAN: u32 = 5;
export const KIND_ROWS: u32 = 6;
export const KIND_HIDDEN: u32 = 7;
export const KIND_OUTCOMES: u32 = 8;
export const KIND_VERDICT: u32 = 9;

// Codes of domain errors.
export const BAD_INPUT: i32 = 1;
export const TOO_LARGE: i32 = 2;
export const UNSUPPORTED: i32 = 3;
export const HOST: i32 = 4;

export const MAX_WIDTH: u64 = 4096;
export const MAX_LAYERS: u64 = 65536;
export const NO_CLBIT: u32 = 0xffffffff;

// --- text ------------------------------------------------------------------------

const text: usize = memory.data(1024);

// ascii copies a string of ASCII characters and returns its length, at most 1024.
function ascii(s: string): i32 {
  const n = min(s.length, 1024);
  for (let i = 0; i < n; i++) store<u8>(text + i, load<u16>(changetype<usize>(s) + 2 * i) as u8);
  return n;
}

// fail reports why, and returns code.
export function fail(code: i32, why: string): i32 {
  host_fail(code, text, ascii(why));
  return code;
}

export function domain(why: string): i32 { return fail(BAD_INPUT, why); }

// log writes a line for debugging; hosts drop it in consensus mode.
export function log(line: string): void { host_log(0, text, ascii(line)); }

// describe answers qx_describe.
export function describe(manifest: string): i32 {
  const n = ascii(manifest);
  return host_out_write(RESULT, text, n) == n ? 0 : fail(HOST, "the host refused output: output limit");
}

// --- memory ----------------------------------------------------------------------

let top: usize = 0;

export function reset(): void { top = (__heap_base + 15) & ~15; }

// alloc returns n bytes aligned to 16, contents undefined, or 0 after a failure was
// reported.
export function alloc(n: u64): usize {
  const end = (top as u64) + ((n + 15) & ~15);
  const have = (memory.size() as u64) << 16;
  if (n > 0x7fffffff || end > have && memory.grow(((end - have + 0xffff) >> 16) as i32) < 0) {
    fail(TOO_LARGE, "out of memory: the job does not fit the module's limit");
    return 0;
  }
  const p = top;
  top = end as usize;
  return p;
}

// zeros is alloc with contents 0.
export function zeros(n: u64): usize {
  const p = alloc(n);
  if (p) memory.fill(p, 0, n as usize);
  return p;
}

// --- reading messages --------------------------------------------------------------

@unmanaged export class Message {
  stream: i32;
  items: u64;
  // Behind it: offset and length in bytes of each of up to 8 sections.
}

const SECTIONS: usize = 16;

export function message(): Message { return changetype<Message>(alloc(SECTIONS + 16 * 8)); }

export function off(m: Message, k: i32): u64 { return load<u64>(changetype<usize>(m) + SECTIONS + 16 * k); }
export function len(m: Message, k: i32): u64 { return load<u64>(changetype<usize>(m) + SECTIONS + 16 * k + 8); }

export function inLen(stream: i32): i64 { return host_in_len(stream); }

// read copies n bytes of a stream.
export function read(stream: i32, at: u64, p: usize, n: u64): i32 {
  if (n > 0x7fffffff || host_in_read(stream, at as i64, p, n as i32) != (n as i32)) return domain("an input stream is missing or short");
  return 0;
}

const head: usize = memory.data(32 + 24 * 8);

// open checks kind, and exactly n sections of the ids and element sizes in form, in
// the one encoding. m is a Message of message(), which may be 0 after a failure.
export function open(m: Message, stream: i32, kind: u32, n: i32, form: usize): i32 {
  if (changetype<usize>(m) == 0) return TOO_LARGE;
  const total = inLen(stream);
  let at: u64 = 32 + 24 * (n as u64);
  if (total < (at as i64) || read(stream, 0, head, at)) return domain("message: too short");
  if (load<u32>(head) != 0x31465851 || load<u32>(head + 4) != (kind | 1 << 16) || load<u32>(head + 8) || load<u32>(head + 20) != (n as u32) || load<u64>(head + 24)) return domain("message: header");
  m.stream = stream;
  m.items = load<u64>(head + 12);
  for (let k = 0; k < n; k++) {
    const e = head + 32 + 24 * k, size = load<u64>(e + 16), elem = load<u8>(form + 2 * k + 1) as u64;
    if (load<u64>(e) != ((load<u8>(form + 2 * k) as u64) | elem << 16) || load<u64>(e + 8) != at || at > (total as u64) || size > (total as u64) - at || size % elem) return domain("message: section table");
    const s = changetype<usize>(m) + SECTIONS + 16 * k, pad = (0 - size) & 7;
    store<u64>(s, at);
    store<u64>(s + 8, size);
    if (size + pad > (total as u64) - at) return domain("message: padding is missing");
    if (pad) {
      store<u64>(text, 0);
      if (read(stream, at + size, text, pad)) return BAD_INPUT;
      if (load<u64>(text)) return domain("message: padding is not zero");
    }
    at += size + pad;
  }
  return at == (total as u64) ? 0 : domain("message: bytes behind the last section");
}

// count checks that section k has n elements of a size.
export function count(m: Message, k: i32, n: u64, elem: u64): i32 {
  return len(m, k) == n * elem ? 0 : domain("message: a section has another number of elements");
}

// part reads a whole section into new memory; 0 after a failure.
export function part(m: Message, k: i32): usize {
  const p = alloc(len(m, k));
  return p && !read(m.stream, off(m, k), p, len(m, k)) ? p : 0;
}

// --- writing messages ----------------------------------------------------------------
// One message is written at a time.

const CHUNK: usize = 65536;
const buf: usize = memory.data(65536);
let out: i32 = 0, err: i32 = 0, filled: usize = 0, written: u64 = 0;

function flush(): void {
  if (filled && !err && host_out_write(out, buf, filled as i32) != (filled as i32)) err = fail(HOST, "the host refused output: output limit");
  filled = 0;
}

export function put(p: usize, n: usize): void {
  written += n;
  while (n) {
    const step = min(n, CHUNK - filled);
    memory.copy(buf + filled, p, step);
    filled += step;
    p += step;
    n -= step;
    if (filled == CHUNK) flush();
  }
}

export function putU16(v: u32): void { store<u16>(text, v as u16); put(text, 2); }
export function putU32(v: u32): void { store<u32>(text, v); put(text, 4); }
export function putU64(v: u64): void { store<u64>(text, v); put(text, 8); }

// pad ends a section.
export function pad(): void {
  store<u64>(text, 0);
  put(text, ((0 - written) & 7) as usize);
}

// begin starts a message of n sections; form as in open, lens their bytes.
export function begin(stream: i32, kind: u32, items: u64, n: i32, form: usize, lens: usize): void {
  out = stream; err = 0; filled = 0; written = 0;
  putU32(0x31465851); putU32(kind | 1 << 16); putU32(0); putU64(items); putU32(n as u32); putU64(0);
  let at: u64 = 32 + 24 * (n as u64);
  for (let k = 0; k < n; k++) {
    putU32((load<u8>(form + 2 * k) as u32) | (load<u8>(form + 2 * k + 1) as u32) << 16);
    putU32(0);
    putU64(at);
    putU64(load<u64>(lens + 8 * k));
    at = (at + load<u64>(lens + 8 * k) + 7) & ~7;
  }
}

// end sends the rest and returns the export's result.
export function end(): i32 {
  flush();
  return err;
}
