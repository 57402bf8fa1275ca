//! Preloaded (`LD_PRELOAD`), shows a process the time of day with an offset: the number of seconds in the file that
//! `CLOCK_SHIM_FILE` names, eight bytes in the machine's order. The file is mapped, so a clock jumps when another number is
//! written there. Clocks that only measure spans stay as they are, so timeouts keep their length.

#![cfg(target_os = "linux")]

use std::ffi::{c_char, c_int, c_long, c_void};
use std::ptr::{self, null_mut};
use std::sync::atomic::{AtomicI64, AtomicPtr, Ordering};

/// `struct timespec` on 64-bit Linux.
#[repr(C)]
pub struct TimeSpec {
    seconds: i64,
    nanoseconds: c_long,
}

unsafe extern "C" {
    fn syscall(number: c_long, ...) -> c_long;
    fn getenv(name: *const c_char) -> *const c_char;
    fn open(path: *const c_char, flags: c_int, ...) -> c_int;
    fn mmap(at: *mut c_void, length: usize, access: c_int, flags: c_int, file: c_int, from: i64) -> *mut c_void;
}

#[cfg(target_arch = "x86_64")]
const CLOCK_GETTIME: c_long = 228;
#[cfg(target_arch = "aarch64")]
const CLOCK_GETTIME: c_long = 113;

/// The time of day, by which the offset is added.
const REALTIME: c_int = 0;
/// The same, less exact.
const REALTIME_COARSE: c_int = 5;

const O_RDONLY_CLOEXEC: c_int = 0o2_000_000;
const PROT_READ: c_int = 1;
const MAP_SHARED: c_int = 1;

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
        unsafe { (*time).seconds = (*time).seconds.saturating_add(offset().load(Ordering::Relaxed)) };
    }
    if result == 0 { 0 } else { -1 }
}

/// Where the offset is. No allocation and no lock: the C library may ask for the time at any moment.
fn offset() -> &'static AtomicI64 {
    static NONE: AtomicI64 = AtomicI64::new(0);
    static MAPPED: AtomicPtr<AtomicI64> = AtomicPtr::new(null_mut());
    let mut mapped = MAPPED.load(Ordering::Acquire);
    if mapped.is_null() {
        // Threads that are here at the same time map it twice, which does no harm.
        mapped = map().unwrap_or(ptr::from_ref(&NONE).cast_mut());
        MAPPED.store(mapped, Ordering::Release);
    }
    // SAFETY: `NONE`, or eight bytes of a mapping, which starts at a page and is never taken back.
    unsafe { &*mapped }
}

fn map() -> Option<*mut AtomicI64> {
    // SAFETY: the name ends with a NUL; nobody changes the environment of the process.
    let path = unsafe { getenv(c"CLOCK_SHIM_FILE".as_ptr()) };
    if path.is_null() {
        return None;
    }
    // SAFETY: the value of a variable ends with a NUL.
    let file = unsafe { open(path, O_RDONLY_CLOEXEC) };
    // SAFETY: the kernel checks the arguments, and chooses where there is room.
    let mapped = unsafe { mmap(null_mut(), size_of::<i64>(), PROT_READ, MAP_SHARED, file, 0) };
    (mapped.addr() != usize::MAX).then(|| mapped.cast())
}
