//! The module under test, compiled once.

use std::collections::BTreeSet;
use std::path::Path;

use wasmtime::{Config, Engine, InstancePre, Linker, Module};

use crate::state::Vm;
use crate::{abi, calls, wasi};

/// A compiled filter, good for any number of workers.
#[derive(Clone)]
pub struct Filter {
    pub(crate) module: InstancePre<Vm>,
}

impl Filter {
    /// Compiles the module in the file `wasm`, and checks what it imports and exports.
    ///
    /// # Panics
    /// When it imports what is not in ABI 0.2.1, or lacks what a host calls.
    #[must_use]
    pub fn load(wasm: &Path) -> Self {
        let bytes = std::fs::read(wasm).unwrap_or_else(|error| panic!("cannot read {}: {error}", wasm.display()));
        Self::compile(&bytes)
    }

    /// Compiles the module in these bytes, and checks what it imports and exports.
    ///
    /// # Panics
    /// As [`Filter::load`].
    #[must_use]
    pub fn compile(wasm: &[u8]) -> Self {
        let mut config = Config::new();
        config.consume_fuel(true);
        let engine = Engine::new(&config).unwrap_or_else(|error| panic!("no engine: {error:?}"));
        let module = Module::new(&engine, wasm).unwrap_or_else(|error| panic!("no module: {error:?}"));
        check(&module);
        let mut linker = Linker::new(&engine);
        wasi::define(&mut linker).and_then(|()| calls::define(&mut linker)).unwrap_or_else(|error| panic!("{error:?}"));
        // What the module may import and never calls; if it does call it, the trap names it.
        linker.define_unknown_imports_as_traps(&module).unwrap_or_else(|error| panic!("{error:?}"));
        let module = linker.instantiate_pre(&module).unwrap_or_else(|error| panic!("{error:?}"));
        Self { module }
    }

    /// The functions of the ABI that it imports.
    #[must_use]
    pub fn imports(&self) -> BTreeSet<String> {
        self.imports_from("env")
    }

    /// The functions of WASI that it imports.
    #[must_use]
    pub fn wasi_imports(&self) -> BTreeSet<String> {
        self.imports_from(wasi::MODULE)
    }

    fn imports_from(&self, module: &str) -> BTreeSet<String> {
        let imports = self.module.module().imports();
        imports.filter(|import| import.module() == module).map(|import| import.name().to_owned()).collect()
    }
}

/// Panics unless any host of the ABI can run the module.
fn check(module: &Module) {
    for import in module.imports() {
        let known = match import.module() {
            "env" => abi::IMPORTS,
            wasi::MODULE => wasi::FUNCTIONS,
            other => panic!("the module imports {} from `{other}`, which no proxy has", import.name()),
        };
        assert!(known.contains(&import.name()), "the module imports {}.{}", import.module(), import.name());
    }
    let exports: BTreeSet<&str> = module.exports().map(|export| export.name()).collect();
    for needed in abi::EXPORTS {
        assert!(exports.contains(needed), "the module does not export {needed}");
    }
    let versions: Vec<&&str> = exports.iter().filter(|name| name.starts_with("proxy_abi_version_")).collect();
    assert_eq!(versions, [&"proxy_abi_version_0_2_1"], "exactly one version of the ABI");
}
