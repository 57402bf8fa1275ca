//! As much of WASI preview 1 as the filter and a test binary import, and nothing that reaches the machine: no files, no
//! sockets, a clock that only the caller moves, random numbers that are the same in every run.

use wasmtime::{Caller, Error, Extern, Linker, Memory, Result};

/// The world of one instance.
#[derive(Debug, Default)]
pub(crate) struct Wasi {
    /// What `args_get` gives, the name of the program first.
    pub(crate) args: Vec<String>,
    /// What was written to standard output and standard error, in one stream.
    pub(crate) output: Vec<u8>,
    /// Nanoseconds since 1970, and since some start.
    pub(crate) clock: u64,
    /// Added to the clock by each look at it, so that a loop that waits for time to pass ends.
    pub(crate) clock_step: u64,
    random: u64,
}

/// Where the state of an instance keeps its WASI.
pub(crate) trait HasWasi: 'static {
    /// It.
    fn wasi(&mut self) -> &mut Wasi;
}

/// `proc_exit`, on its way out of the instance.
#[derive(Debug)]
pub(crate) struct Exit(pub(crate) u32);

impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the program left with exit code {}", self.0)
    }
}

impl std::error::Error for Exit {}

impl Wasi {
    /// The next eight bytes that `random_get` gives (SplitMix64).
    fn next_random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.random ^ (self.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// What `wasi_snapshot_preview1` has here.
pub(crate) const FUNCTIONS: &[&str] = &[
    "args_get",
    "args_sizes_get",
    "clock_time_get",
    "environ_get",
    "environ_sizes_get",
    "fd_fdstat_get",
    "fd_prestat_get",
    "fd_write",
    "proc_exit",
    "random_get",
    "sched_yield",
];

/// Defines [`FUNCTIONS`].
pub(crate) fn define<T: HasWasi>(linker: &mut Linker<T>) -> Result<()> {
    linker.func_wrap(MODULE, "args_sizes_get", |caller: Caller<'_, T>, count: u32, size: u32| {
        let mut guest = Guest::new(caller)?;
        let args = &guest.wasi().args;
        let (number, bytes) = (args.len(), args.iter().map(|arg| arg.len() + 1).sum::<usize>());
        guest.write_u32(count, u32::try_from(number)?)?;
        guest.write_u32(size, u32::try_from(bytes)?)
    })?;
    linker.func_wrap(MODULE, "args_get", |caller: Caller<'_, T>, mut list: u32, mut text: u32| {
        let mut guest = Guest::new(caller)?;
        for arg in guest.wasi().args.clone() {
            guest.write_u32(list, text)?;
            guest.write(text, &[arg.as_bytes(), b"\0"].concat())?;
            list += 4;
            text += u32::try_from(arg.len())? + 1;
        }
        Ok(SUCCESS)
    })?;
    linker.func_wrap(MODULE, "environ_sizes_get", |caller: Caller<'_, T>, count: u32, size: u32| {
        let mut guest = Guest::new(caller)?;
        guest.write_u32(count, 0)?;
        guest.write_u32(size, 0)
    })?;
    linker.func_wrap(MODULE, "environ_get", |_: Caller<'_, T>, _list: u32, _text: u32| SUCCESS)?;
    linker.func_wrap(MODULE, "clock_time_get", |caller: Caller<'_, T>, _clock: u32, _precision: u64, time: u32| {
        let mut guest = Guest::new(caller)?;
        let wasi = guest.wasi();
        wasi.clock += wasi.clock_step;
        let now = wasi.clock;
        guest.write(time, &now.to_le_bytes())
    })?;
    linker.func_wrap(MODULE, "random_get", |caller: Caller<'_, T>, at: u32, size: u32| {
        let mut guest = Guest::new(caller)?;
        let blocks = (0..size.div_ceil(8)).map(|_| guest.wasi().next_random().to_le_bytes());
        let mut bytes: Vec<u8> = blocks.collect::<Vec<_>>().concat();
        bytes.truncate(usize::try_from(size)?);
        guest.write(at, &bytes)
    })?;
    linker.func_wrap(MODULE, "fd_write", |caller: Caller<'_, T>, fd: u32, list: u32, count: u32, written: u32| {
        let mut guest = Guest::new(caller)?;
        if !matches!(fd, 1 | 2) {
            return Ok(BAD_DESCRIPTOR);
        }
        let mut output = Vec::new();
        for index in 0..count {
            let (at, size) = (guest.read_u32(list + 8 * index)?, guest.read_u32(list + 8 * index + 4)?);
            output.extend(guest.read(at, size)?);
        }
        guest.write_u32(written, u32::try_from(output.len())?)?;
        guest.wasi().output.append(&mut output);
        Ok(SUCCESS)
    })?;
    linker.func_wrap(MODULE, "fd_fdstat_get", |caller: Caller<'_, T>, fd: u32, stat: u32| {
        if fd > 2 {
            return Ok(BAD_DESCRIPTOR);
        }
        // A character device with every right.
        let mut bytes = [0; 24];
        bytes[0] = 2;
        bytes[8..].fill(0xff);
        Guest::new(caller)?.write(stat, &bytes)
    })?;
    // There are no folders; 3 is where the search for them begins, and ends.
    linker.func_wrap(MODULE, "fd_prestat_get", |_: Caller<'_, T>, _fd: u32, _stat: u32| BAD_DESCRIPTOR)?;
    linker.func_wrap(MODULE, "sched_yield", |_: Caller<'_, T>| SUCCESS)?;
    linker
        .func_wrap(MODULE, "proc_exit", |_: Caller<'_, T>, code: u32| -> Result<()> { Err(Error::from(Exit(code))) })?;
    Ok(())
}

/// The caller and its memory.
struct Guest<'a, T: 'static> {
    caller: Caller<'a, T>,
    memory: Memory,
}

impl<'a, T: HasWasi> Guest<'a, T> {
    fn new(mut caller: Caller<'a, T>) -> Result<Self> {
        let memory = caller.get_export("memory").and_then(Extern::into_memory);
        let memory = memory.ok_or_else(|| Error::msg("the module exports no memory"))?;
        Ok(Self { caller, memory })
    }

    fn wasi(&mut self) -> &mut Wasi {
        self.caller.data_mut().wasi()
    }

    fn read(&self, at: u32, size: u32) -> Result<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(size)?];
        self.memory.read(&self.caller, usize::try_from(at)?, &mut bytes)?;
        Ok(bytes)
    }

    fn read_u32(&self, at: u32) -> Result<u32> {
        let mut bytes = [0; 4];
        self.memory.read(&self.caller, usize::try_from(at)?, &mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn write(&mut self, at: u32, bytes: &[u8]) -> Result<u32> {
        self.memory.write(&mut self.caller, usize::try_from(at)?, bytes)?;
        Ok(SUCCESS)
    }

    fn write_u32(&mut self, at: u32, number: u32) -> Result<u32> {
        self.write(at, &number.to_le_bytes())
    }
}

pub(crate) const MODULE: &str = "wasi_snapshot_preview1";

const SUCCESS: u32 = 0;
const BAD_DESCRIPTOR: u32 = 8;
