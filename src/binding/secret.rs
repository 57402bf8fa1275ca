//! A secret that all workers have: the first one draws it and puts it into the host's shared data.
//!
//! With it nonces are made that nobody else can make, and it is chosen where the use of a proof is written down, so that nobody
//! can aim at the place of another's. Who can read the shared data of this `vm_id` has it: give the filter a `vm_id` of its own.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::provider::SharedData;
use crate::shared_slot::{CREATE, write};

/// A host's source of random numbers that nobody can guess.
pub trait Entropy {
    /// Fills `bytes`; `false` if it can't, and then nothing may be made of them.
    fn fill(&mut self, bytes: &mut [u8]) -> bool;
}

/// A secret. Nothing prints it.
#[derive(Clone)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// Takes one.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// A MAC over what stands for `purpose` and `parts`, each with its length before it.
    pub(super) fn mac(&self, purpose: &str, parts: &[&[u8]]) -> Option<[u8; 32]> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        for part in std::iter::once(purpose.as_bytes()).chain(parts.iter().copied()) {
            mac.update(&u64::try_from(part.len()).ok()?.to_be_bytes());
            mac.update(part);
        }
        Some(mac.finalize().into_bytes().into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// The secret that workers share, once this one has seen it.
#[derive(Debug, Default)]
pub struct Secrets(Option<Secret>);

impl Secrets {
    /// The secret: the one that is there, or a new one if there is none. `None` if the host can neither share nor draw.
    pub fn get<H: SharedData + Entropy + ?Sized>(&mut self, host: &mut H) -> Option<&Secret> {
        if self.0.is_none() {
            self.0 = shared(host).or_else(|| draw(host));
        }
        self.0.as_ref()
    }
}

fn shared<H: SharedData + ?Sized>(host: &mut H) -> Option<Secret> {
    let (bytes, _) = host.get(KEY)?;
    (bytes.len() == BYTES).then(|| Secret::new(bytes))
}

/// Draws one and puts it there, unless another worker is faster; whatever is there then is the one.
fn draw<H: SharedData + Entropy + ?Sized>(host: &mut H) -> Option<Secret> {
    let mut bytes = [0; BYTES];
    if !host.fill(&mut bytes) {
        return None;
    }
    let version = host.get(KEY).map_or(CREATE, |(_, version)| version);
    let _ = write(host, KEY, &bytes, version);
    shared(host)
}

const KEY: &str = "portcullis.binding.secret";

/// As long as the hash.
const BYTES: usize = 32;
