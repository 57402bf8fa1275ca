//! API keys of the offline world: those of the configuration, with secrets that are known here.

use std::collections::HashMap;

use portcullis::api_key::{KeyText, SecretHash, text};
use serde_json::Value;

use super::World;

/// What a key is to be.
#[derive(Clone, Debug, Default)]
pub struct KeySpec {
    /// Its id. A key that the configuration does not have is of the right form.
    pub id: String,
    /// Where it is shown; in the first place that there is if left out.
    pub place: Option<KeyPlace>,
    /// With another secret.
    pub forged: bool,
}

/// A kind of place for keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyPlace {
    /// A header.
    Header,
    /// A cookie.
    Cookie,
}

/// The keys of a configuration by their ids, and where it looks for them.
#[derive(Clone, Debug, Default)]
pub(super) struct ApiKeys {
    secrets: HashMap<String, [u8; text::SECRET_BYTES]>,
    /// Name and prefix.
    header: Option<(String, String)>,
    cookie: Option<String>,
}

impl ApiKeys {
    /// A secret for each key in `document`.
    pub(super) fn of(document: &Value) -> Self {
        let keys = document.pointer("/api_keys/keys").and_then(Value::as_object);
        let secrets = keys.into_iter().flatten().map(|(id, _)| (id.clone(), rand::random())).collect();
        let sources = document.pointer("/api_keys/sources");
        let text = |pointer: &str| sources.and_then(|sources| sources.pointer(pointer)?.as_str().map(str::to_owned));
        let header = match sources.and_then(|sources| sources.get("headers")) {
            None => Some("x-api-key".to_owned()),
            Some(_) => text("/headers/0/name"),
        };
        let prefix = text("/headers/0/prefix").unwrap_or_default();
        Self { secrets, header: header.map(|name| (name, prefix)), cookie: text("/cookies/0") }
    }

    /// Puts the hashes of these secrets where the configuration has those of its own.
    pub(super) fn give(&self, document: &mut Value) {
        let keys = document.pointer_mut("/api_keys/keys").and_then(Value::as_object_mut);
        for (id, entry) in keys.into_iter().flatten() {
            let key = self.secrets.get(id).map(|secret| text::write(id, secret));
            let hash =
                key.as_ref().and_then(|key| Some(SecretHash::of(&KeyText::parse(key.as_bytes())?, rand::random())));
            // What can't be a key keeps what it has, and the configuration says what is wrong.
            if let (Some(hash), Some(entry)) = (hash, entry.as_object_mut()) {
                entry.insert("hash".to_owned(), Value::String(hash.to_string()));
            }
        }
    }
}

impl World {
    /// The header that shows the key.
    ///
    /// # Errors
    /// The configuration looks at no such place.
    pub fn api_key(&self, spec: &KeySpec) -> Result<(String, String), String> {
        let known = self.api_keys.secrets.get(&spec.id).filter(|_| !spec.forged);
        let key = text::write(&spec.id, &known.copied().unwrap_or_else(rand::random));
        let header = self.api_keys.header.as_ref().filter(|_| spec.place != Some(KeyPlace::Cookie));
        let cookie = self.api_keys.cookie.as_ref().filter(|_| spec.place != Some(KeyPlace::Header));
        match (header, cookie) {
            (Some((name, prefix)), _) => Ok((name.clone(), format!("{prefix}{key}"))),
            (None, Some(name)) => Ok(("cookie".to_owned(), format!("{name}={key}"))),
            (None, None) => Err("the configuration has no such place for keys".to_owned()),
        }
    }
}
