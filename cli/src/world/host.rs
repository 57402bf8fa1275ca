//! What an engine asks of its host, answered from memory.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use portcullis::access::Properties;
use portcullis::binding::Entropy;
use portcullis::jose::{Hash, NativeVerifier};
use portcullis::provider::{CasMismatch, SharedData};

/// A host without a proxy.
#[derive(Debug, Default)]
pub struct MemoryHost {
    shared: HashMap<String, (Vec<u8>, u32)>,
    properties: HashMap<String, Vec<u8>>,
}

impl MemoryHost {
    /// Forgets the connection, and knows that the next one comes from here.
    pub fn connect(&mut self, from: Option<IpAddr>) {
        self.properties.clear();
        if let Some(address) = from {
            self.set("source.address", &SocketAddr::new(address, CLIENT_PORT).to_string());
        }
    }

    /// A property of the connection, by the name that Envoy has for it.
    pub fn set(&mut self, path: &str, value: &str) {
        self.properties.insert(path.to_owned(), value.as_bytes().to_vec());
    }
}

impl SharedData for MemoryHost {
    fn get(&mut self, key: &str) -> Option<(Vec<u8>, u32)> {
        self.shared.get(key).cloned()
    }

    fn set(&mut self, key: &str, value: &[u8], cas: u32) -> Result<(), CasMismatch> {
        let version = self.shared.get(key).map_or(0, |(_, version)| *version);
        if cas != 0 && version != 0 && cas != version {
            return Err(CasMismatch);
        }
        self.shared.insert(key.to_owned(), (value.to_vec(), version.wrapping_add(1)));
        Ok(())
    }
}

/// The same in every run: an answer of the tool does not change by itself, and nobody has to be kept from guessing.
impl Entropy for MemoryHost {
    fn fill(&mut self, bytes: &mut [u8]) -> bool {
        bytes.fill(0x5a);
        true
    }
}

impl Properties for MemoryHost {
    fn property(&mut self, path: &str) -> Option<Vec<u8>> {
        self.properties.get(path).cloned()
    }
}

/// The engine's own libraries check.
impl NativeVerifier for MemoryHost {
    fn verify(&mut self, _: Hash, _: &[u8], _: &[u8], _: &[u8]) -> Option<bool> {
        None
    }
}

/// Ports of clients are nobody's business.
const CLIENT_PORT: u16 = 40000;
