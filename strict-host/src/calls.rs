//! The host functions of the ABI: each checks where it is called and with what, and only then does it.

mod grpc;
mod http;
mod services;

use wasmtime::{Caller, Error, Linker, Result};

use crate::abi::status;
use crate::state::{Callback, Context, Root, Stream, Vm};

/// Defines every function that the filter imports; one that is missing here is refused by name when a module is loaded.
pub(crate) fn define(linker: &mut Linker<Vm>) -> Result<()> {
    grpc::define(linker)?;
    http::define(linker)?;
    services::define(linker)
}

/// Why a call ends before it does anything.
pub(crate) enum Stop {
    /// A host may answer so, and a module must bear it.
    Status(u32),
    /// A module must never call so.
    Wrong(String),
}

/// One call of a host function.
pub(crate) struct Call<'a> {
    name: &'static str,
    caller: Caller<'a, Vm>,
    agreed: bool,
}

/// Runs `body` as the host function `name`, keeps what it finds wrong, and gives the module its status.
pub(crate) fn answer(
    name: &'static str,
    mut caller: Caller<'_, Vm>,
    body: impl FnOnce(&mut Call<'_>) -> Result<(), Stop>,
) -> Result<u32> {
    *caller.data_mut().calls.entry(name).or_default() += 1;
    let mut call = Call { name, caller, agreed: false };
    let done = body(&mut call);
    match done {
        Ok(()) if call.agreed => Ok(status::OK),
        Ok(()) => Err(Error::msg(format!("the strict host forgot to inject faults into {name}"))),
        Err(Stop::Status(code)) => Ok(code),
        Err(Stop::Wrong(what)) => {
            let vm = call.caller.data_mut();
            let place = format!("{name} in {:?} for context {}: {what}", vm.callback, vm.effective);
            vm.violations.push(place);
            Ok(status::BAD_ARGUMENT)
        }
    }
}

impl Call<'_> {
    /// The arguments are right: from here on the call is done, unless a fault is injected.
    pub(crate) fn agree(&mut self) -> Result<(), Stop> {
        self.agreed = true;
        let faults = &mut self.caller.data_mut().faults;
        let Some(fault) = faults.get_mut(self.name) else { return Ok(()) };
        if fault.after > 0 {
            fault.after -= 1;
            return Ok(());
        }
        if fault.times == 0 {
            return Ok(());
        }
        fault.times -= 1;
        Err(Stop::Status(fault.status))
    }

    pub(crate) fn vm(&mut self) -> &mut Vm {
        self.caller.data_mut()
    }

    /// The stream that the call is about.
    pub(crate) fn stream(&mut self) -> Result<&mut Stream, Stop> {
        let vm = self.vm();
        match vm.contexts.get_mut(&vm.effective) {
            Some(Context::Stream(stream)) => Ok(stream),
            Some(Context::Root(_)) => wrong("the context in effect is a root, not a stream"),
            None => wrong("the context in effect does not exist"),
        }
    }

    /// The root that the call is about, or that the stream it is about belongs to.
    pub(crate) fn own_root(&mut self) -> Result<&mut Root, Stop> {
        let vm = self.vm();
        let root = match vm.contexts.get(&vm.effective) {
            Some(Context::Stream(stream)) => stream.root,
            Some(Context::Root(_)) => vm.effective,
            None => return wrong("the context in effect does not exist"),
        };
        match vm.root(root) {
            Some(root) => Ok(root),
            None => wrong("the root of the stream is gone"),
        }
    }

    /// The root that the call is about.
    pub(crate) fn root(&mut self) -> Result<&mut Root, Stop> {
        let vm = self.vm();
        match vm.contexts.get_mut(&vm.effective) {
            Some(Context::Root(root)) => Ok(root),
            Some(Context::Stream(_)) => wrong("the context in effect is a stream, not a root"),
            None => wrong("the context in effect does not exist"),
        }
    }

    /// Some callback must run.
    pub(crate) fn in_callback(&mut self) -> Result<(), Stop> {
        if self.vm().callback == Callback::Idle { wrong("outside of every callback") } else { Ok(()) }
    }

    /// Bytes of the module.
    pub(crate) fn bytes(&mut self, at: u32, size: u32, what: &str) -> Result<Vec<u8>, Stop> {
        let (memory, _) = self.guest()?;
        let memory = memory.data(&self.caller);
        let (at, size) = (index(at), index(size));
        match at.checked_add(size).and_then(|end| memory.get(at..end)) {
            Some(bytes) => Ok(bytes.to_vec()),
            None => wrong(&format!("{what}: {size} bytes at {at} are not in memory")),
        }
    }

    /// Text of the module.
    pub(crate) fn text(&mut self, at: u32, size: u32, what: &str) -> Result<String, Stop> {
        let bytes = self.bytes(at, size, what)?;
        match String::from_utf8(bytes) {
            Ok(text) => Ok(text),
            Err(_) => wrong(&format!("{what} is not UTF-8")),
        }
    }

    /// Is there room for a result here? To be asked before the call is done.
    pub(crate) fn room(&mut self, at: u32, size: u32, what: &str) -> Result<(), Stop> {
        if at == 0 {
            return wrong(&format!("{what} is a null pointer"));
        }
        if !at.is_multiple_of(4) {
            return wrong(&format!("{what} is not aligned"));
        }
        self.bytes(at, size, what).map(drop)
    }

    pub(crate) fn write(&mut self, at: u32, bytes: &[u8]) -> Result<(), Stop> {
        let (memory, _) = self.guest()?;
        match memory.write(&mut self.caller, index(at), bytes) {
            Ok(()) => Ok(()),
            Err(_) => wrong("a result is not in memory"),
        }
    }

    /// Gives `bytes` to the module in a block that its own allocator makes.
    pub(crate) fn give(&mut self, bytes: &[u8], data: u32, size: u32) -> Result<(), Stop> {
        let (_, allocate) = self.guest()?;
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let block = if bytes.is_empty() {
            0
        } else {
            match allocate.call(&mut self.caller, length) {
                Ok(0) => return wrong("the module's allocator gives a null pointer"),
                Ok(block) => block,
                Err(trap) => return wrong(&format!("the module's allocator traps: {trap:?}")),
            }
        };
        self.write(block, bytes)?;
        self.write(data, &block.to_le_bytes())?;
        self.write(size, &length.to_le_bytes())
    }

    fn guest(&mut self) -> Result<(wasmtime::Memory, wasmtime::TypedFunc<u32, u32>), Stop> {
        match &self.caller.data().guest {
            Some(guest) => Ok(guest.clone()),
            None => wrong("before the module is instantiated"),
        }
    }
}

pub(crate) fn wrong<T>(what: &str) -> Result<T, Stop> {
    Err(Stop::Wrong(what.to_owned()))
}

fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
