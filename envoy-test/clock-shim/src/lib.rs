//! Preloaded (`LD_PRELOAD`), shows a process the time of day with `CLOCK_SHIM_OFFSET` seconds added. Clocks that only
//! measure spans stay as they are, so timeouts keep their length.

#![cfg(target_os = "linux")]

use std::ffi::{c_char, c_int, c_long};
use std::sync::atomic::{AtomicI64, Ordering};

/// `struct timespec` on 64-bit Linux.
#[repr(C)]
pub struct TimeSpec {
    seconds: i64,
    nanoseconds: c_long,
}

unsafe extern "C" {
    fn syscall(number: c_long, ...) -> c_long;
    fn getenv(name: *const c_char) -> *const c_char;
}

#[cfg(target_arch = "x86_64")]
const CLOCK_GETTIME: c_long = 228;
#[cfg(target_arch = "aarch64")]
const CLOCK_GETTIME: c_long = 113;

/// The time of day, by which the offset is added.
const REALTIME: c_int = 0;
/// The same, less exact.
const REALTIME_COARSE: c_int = 5;

/// `clock_gettime(2)`.
///
/// # Safety
/// As of the C library's: `time` points to a `timespec`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clock_gettime(clock: c_int, time: *mut TimeSpec) -> c_int {
    // SAFETY: the kernel checks both arguments.
    let result = unsafe { syscall(CLOCK_GETTIME, clock, time) };
    if result == 0 && (clock == REALTIME || clock == REALTIME_COARSE) && !time.is_null() {
        // SAFETY: the kernel has just written to it.
        unsafe { (*time).seconds = (*time).seconds.saturating_add(offset()) };
    }
    if result == 0 { 0 } else { -1 }
}

/// The offset, read once. No allocation: the C library may ask for the time at any moment.
fn offset() -> i64 {
    static OFFSET: AtomicI64 = AtomicI64::new(i64::MIN);
    let known = OFFSET.load(Ordering::Relaxed);
    if known != i64::MIN {
        return known;
    }
    // SAFETY: the name ends with a NUL; nobody changes the environment of the process.
    let mut text = unsafe { getenv(c"CLOCK_SHIM_OFFSET".as_ptr()) };
    let (mut value, mut negative) = (0_i64, false);
    while !text.is_null() {
        // SAFETY: `text` is within the NUL-terminated value.
        let byte = unsafe { *text }.cast_unsigned();
        match byte {
            b'-' => negative = true,
            b'0'..=b'9' => value = value.saturating_mul(10).saturating_add(i64::from(byte - b'0')),
            _ => break,
        }
        // SAFETY: the byte was not the NUL, so there is one more.
        text = unsafe { text.add(1) };
    }
    let value = if negative { -value } else { value };
    OFFSET.store(value, Ordering::Relaxed);
    value
}
