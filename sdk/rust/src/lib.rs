//! Guests of ABI qx1 in Rust: imports, messages in their one encoding, u3 gates on
//! integers, SHAKE256 streams, and what trap libraries and compilers do the same
//! way. `no_std`, no dependencies, no floating point.
//!
//! It promises that an `Err` of an export becomes a domain error with a message. It
//! does not promise isolation between calls: memory starts anew with each of them,
//! so nothing may be kept in statics that points into it.
#![no_std]
extern crate alloc;

pub mod compile;
pub mod judge;
pub mod message;
pub mod shake;
pub mod traps;
pub mod u3;

use alloc::vec::Vec;
use core::alloc::{GlobalAlloc, Layout};

/// A domain error: a code of the SDK and why.
pub struct Failure(pub i32, pub &'static str);

pub type Result<T> = core::result::Result<T, Failure>;

pub const BAD_INPUT: i32 = 1;
pub const TOO_LARGE: i32 = 2;
pub const UNSUPPORTED: i32 = 3;
pub const HOST: i32 = 4;

/// Streams.
pub const HEADER: i32 = 0;
pub const CIRCUIT: i32 = 1;
pub const PLAN: i32 = 2;
pub const TARGET: i32 = 2;
pub const HIDDEN: i32 = 3;
pub const OUTCOMES: i32 = 4;
pub const ROOT: i32 = 5;
pub const RESULT: i32 = 16;
pub const SECRET: i32 = 17;

mod host {
    #[link(wasm_import_module = "qx1")]
    extern "C" {
        pub fn in_len(stream: i32) -> i64;
        pub fn in_read(stream: i32, off: i64, ptr: *mut u8, len: i32) -> i32;
        pub fn out_write(stream: i32, ptr: *const u8, len: i32) -> i32;
        pub fn fail(code: i32, ptr: *const u8, len: i32);
        pub fn log(level: i32, ptr: *const u8, len: i32);
    }
}

/// The bytes of an input stream, or an error where there is none.
pub fn input(stream: i32) -> Result<Vec<u8>> {
    let n = unsafe { host::in_len(stream) };
    if n < 0 {
        return Err(Failure(BAD_INPUT, "an input stream is missing"));
    }
    let mut b = buffer(n as usize)?;
    let mut at = 0;
    while at < b.len() {
        let step = (b.len() - at).min(1 << 20);
        let got = unsafe { host::in_read(stream, at as i64, b.as_mut_ptr().add(at), step as i32) };
        if got != step as i32 {
            return Err(Failure(BAD_INPUT, "an input stream is short"));
        }
        at += step;
    }
    Ok(b)
}

/// n zero bytes, or an error where they do not fit the module's memory.
pub fn buffer(n: usize) -> Result<Vec<u8>> {
    list(n, 0)
}

/// n times a value, or an error where they do not fit the module's memory.
pub fn list<T: Clone>(n: usize, value: T) -> Result<Vec<T>> {
    let mut v = Vec::new();
    if v.try_reserve_exact(n).is_err() {
        return Err(Failure(TOO_LARGE, "out of memory: the job does not fit the module's limit"));
    }
    v.resize(n, value);
    Ok(v)
}

pub(crate) fn write(stream: i32, b: &[u8]) -> Result<()> {
    if unsafe { host::out_write(stream, b.as_ptr(), b.len() as i32) } != b.len() as i32 {
        return Err(Failure(HOST, "the host refused output: output limit"));
    }
    Ok(())
}

/// A line for debugging; hosts drop it in consensus mode.
pub fn log(text: &str) {
    unsafe { host::log(0, text.as_ptr(), text.len() as i32) }
}

/// Answers qx_describe.
pub fn describe(manifest: &str) -> i32 {
    export(|| write(RESULT, manifest.as_bytes()))
}

/// The body of an export: memory starts anew, an error becomes a domain error.
pub fn export(f: impl FnOnce() -> Result<()>) -> i32 {
    HEAP.reset();
    match f() {
        Ok(()) => 0,
        Err(Failure(code, why)) => {
            unsafe { host::fail(code, why.as_ptr(), why.len() as i32) };
            code
        }
    }
}

/// A bump allocator over the whole memory behind the data; nothing is freed before
/// the next call.
struct Heap(core::cell::UnsafeCell<usize>);

// A guest has one thread.
unsafe impl Sync for Heap {}

#[global_allocator]
static HEAP: Heap = Heap(core::cell::UnsafeCell::new(0));

extern "C" {
    static __heap_base: u8;
}

impl Heap {
    fn reset(&self) {
        unsafe { *self.0.get() = &__heap_base as *const u8 as usize }
    }
}

unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let top = &mut *self.0.get();
        let start = (*top + layout.align() - 1) & !(layout.align() - 1);
        let have = core::arch::wasm32::memory_size(0) << 16;
        let end = match start.checked_add(layout.size()) {
            Some(end) => end,
            None => return core::ptr::null_mut(),
        };
        if end > have && core::arch::wasm32::memory_grow(0, (end - have + 0xffff) >> 16) == usize::MAX {
            return core::ptr::null_mut();
        }
        *top = end;
        start as *mut u8
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    core::arch::wasm32::unreachable()
}
