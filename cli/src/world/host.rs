//! What an engine asks of its host, answered from memory.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use portcullis::access::Properties;
use portcullis::jose::{Hash, NativeVerifier};
use portcullis::provider::{CasMismatch, SharedData};

use super::certificate::MadeCertificate;

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

    /// The connection shows this certificate; none if left out.
    pub fn show(&mut self, certificate: Option<&MadeCertificate>) {
        let Some(certificate) = certificate else { return };
        self.properties.insert("connection.mtls".to_owned(), vec![1]);
        self.properties.insert("connection.peer_certificate_valid".to_owned(), vec![u8::from(certificate.valid)]);
        self.set("connection.peer_certificate", &certificate.encoded());
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
