//! Runs programs for `wasm32-wasip1`, such as the test binary of a crate.

use std::path::Path;

use wasmtime::{Config, Engine, Linker, Module, Store};

use crate::wasi::{self, Exit, HasWasi, Wasi};

/// How a program ended.
#[derive(Debug)]
pub struct Finished {
    /// 0 for success.
    pub exit_code: u32,
    /// What it wrote to standard output and standard error.
    pub output: String,
}

/// Runs the program in the file `wasm` to its end. `args` come after its name.
///
/// # Errors
/// When it is no such program, or traps; with what it had written until then.
pub fn run_command(wasm: &Path, args: &[&str]) -> Result<Finished, String> {
    let engine = Engine::new(&Config::new()).map_err(|error| format!("no engine: {error:?}"))?;
    let module = Module::from_file(&engine, wasm).map_err(|error| format!("{}: {error:?}", wasm.display()))?;
    let mut linker = Linker::new(&engine);
    wasi::define(&mut linker).map_err(|error| format!("{error:?}"))?;
    // What else it imports it may import; when it calls it, the error names it.
    linker.define_unknown_imports_as_traps(&module).map_err(|error| format!("{error:?}"))?;

    let mut program = Program::default();
    let name = std::iter::once("program.wasm");
    program.wasi.args = name.chain(args.iter().copied()).map(str::to_owned).collect();
    program.wasi.clock = START;
    program.wasi.clock_step = 1_000;
    let mut store = Store::new(&engine, program);
    let started = linker.instantiate(&mut store, &module);
    let start = started.and_then(|instance| instance.get_typed_func::<(), ()>(&mut store, "_start"));
    let ended = start.and_then(|start| start.call(&mut store, ()));
    let output = String::from_utf8_lossy(&store.data_mut().wasi.output).into_owned();
    match ended {
        Ok(()) => Ok(Finished { exit_code: 0, output }),
        Err(error) => match error.downcast_ref::<Exit>() {
            Some(Exit(exit_code)) => Ok(Finished { exit_code: *exit_code, output }),
            None => Err(format!("{output}\n{error:?}")),
        },
    }
}

#[derive(Default)]
struct Program {
    wasi: Wasi,
}

impl HasWasi for Program {
    fn wasi(&mut self) -> &mut Wasi {
        &mut self.wasi
    }
}

/// 2026-01-01, in nanoseconds.
const START: u64 = 1_767_225_600_000_000_000;
