//! `portcullis api-key new`: a key for its owner, and its entry for the configuration.

use std::time::Duration;

use clap::{Args, Subcommand};
use portcullis::access::schedule::instant;
use portcullis::api_key::{KeyText, SecretHash, hash, is_id, text};
use portcullis::http::challenge::is_scope;
use portcullis::time::UnixTime;
use serde_json::{Map, Value, json};

use super::{Exit, Format, line};
use crate::moment;

pub(super) const EXAMPLES: &str = "Examples:
  portcullis api-key new --id ci-2 --owner team-x --expires 90d --scope orders.read
      a key for team-x, and its entry for `api_keys.keys` of the configuration
  portcullis api-key new --id ci-2 --owner team-x --format json | jq -r .key
      the key alone; `.entry` is the entry

To replace a key: make a new one with another id, deploy its entry beside the old one, hand the new key over, and take the old
entry out when its id is no longer in the records.

Exit codes: 0 made, 2 wrongly called, or there is no randomness.";

/// What to do with API keys.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Makes a key and its entry. The key is shown once: only its hash is in the entry
    #[command(after_help = EXAMPLES)]
    New(Arguments),
}

/// What the key is to be.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Its id, which is no secret: 1 to 64 of a-z, 0-9 and `-`
    #[arg(long, value_name = "ID", value_parser = id)]
    id: String,
    /// Whose it is: the claim `sub`
    #[arg(long, value_name = "NAME", value_parser = plain)]
    owner: String,
    /// A scope, as often as needed
    #[arg(long = "scope", visible_alias = "scopes", value_name = "SCOPE", value_parser = scope, value_delimiter = ',')]
    scopes: Vec<String>,
    /// A role of the configuration, as often as needed
    #[arg(long = "role", visible_alias = "roles", value_name = "ROLE", value_parser = plain, value_delimiter = ',')]
    roles: Vec<String>,
    /// A network of the configuration that it may come from, as often as needed; from anywhere if left out
    #[arg(long = "network", visible_alias = "networks", value_name = "NETWORK", value_parser = plain, value_delimiter = ',')]
    networks: Vec<String>,
    /// Its plan, which limits may ask for
    #[arg(long, value_name = "PLAN", value_parser = plain)]
    plan: Option<String>,
    /// Not accepted before: a time (RFC 3339), or days from now as `7d`
    #[arg(long, value_name = "TIME|DAYS", value_parser = moment_or_days)]
    not_before: Option<UnixTime>,
    /// Not accepted from then on: a time (RFC 3339), or days from now as `90d`; never expires if left out
    #[arg(long, value_name = "TIME|DAYS", value_parser = moment_or_days)]
    expires: Option<UnixTime>,
    /// How to tell it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn run(command: &Command, out: &mut Vec<u8>) -> Result<Exit, String> {
    let Command::New(arguments) = command;
    if arguments.not_before.zip(arguments.expires).is_some_and(|(start, end)| start >= end) {
        return Err("--expires: is not after --not-before, so the key would never be valid".to_owned());
    }
    if arguments.expires.is_some_and(|end| end <= moment::now()) {
        return Err("--expires: is over already, so the key would never be valid".to_owned());
    }
    let (key, hash) = secret(&arguments.id)?;
    let entry = entry(arguments, &hash);
    match arguments.format {
        Format::Json => line!(out, "{:#}", json!({ "key": key, "entry": { arguments.id.clone(): entry } })),
        Format::Text => {
            line!(out, "The key. Hand it to its owner; it is shown this once, and nobody can get it back:");
            line!(out, "\n{key}\n");
            line!(out, "Its entry, for `api_keys.keys` of the configuration:");
            line!(out, "\n\"{}\": {entry:#}", arguments.id);
        }
    }
    Ok(Exit::Fine)
}

/// A new key, of random bytes of the operating system, and the hash of its secret.
fn secret(id: &str) -> Result<(String, SecretHash), String> {
    let mut secret = [0; text::SECRET_BYTES];
    let mut salt = [0; hash::SALT_BYTES];
    for bytes in [secret.as_mut_slice(), salt.as_mut_slice()] {
        getrandom::fill(bytes).map_err(|error| format!("the operating system gives no random bytes: {error}"))?;
    }
    let key = text::write(id, &secret);
    let shown = KeyText::parse(key.as_bytes()).ok_or("the key can't be read back")?;
    let hash = SecretHash::of(&shown, salt);
    Ok((key, hash))
}

fn entry(arguments: &Arguments, hash: &SecretHash) -> Value {
    let mut entry = Map::new();
    let mut put = |name: &str, value: Value| entry.insert(name.to_owned(), value);
    put("hash", json!(hash.to_string()));
    put("owner", json!(arguments.owner));
    for (name, list) in [("scopes", &arguments.scopes), ("roles", &arguments.roles), ("networks", &arguments.networks)]
    {
        if !list.is_empty() {
            put(name, json!(list));
        }
    }
    for (name, time) in [("not_before", arguments.not_before), ("expires", arguments.expires)] {
        if let Some(time) = time {
            put(name, json!(moment::format(time)));
        }
    }
    if let Some(plan) = &arguments.plan {
        put("plan", json!(plan));
    }
    Value::Object(entry)
}

fn id(text: &str) -> Result<String, String> {
    if is_id(text) { Ok(text.to_owned()) } else { Err("expected 1 to 64 of a-z, 0-9 and `-`".to_owned()) }
}

/// As the configuration takes it, or it would refuse the entry.
fn plain(text: &str) -> Result<String, String> {
    if text::is_plain(text) {
        Ok(text.to_owned())
    } else {
        Err(format!("expected 1 to {} bytes of plain text", text::LONGEST_TEXT))
    }
}

fn scope(text: &str) -> Result<String, String> {
    if is_scope(text) {
        Ok(text.to_owned())
    } else {
        Err("expected printable ASCII without spaces, `\"` and `\\` (RFC 6749 section 3.3)".to_owned())
    }
}

fn moment_or_days(text: &str) -> Result<UnixTime, String> {
    let days = text.strip_suffix('d').and_then(|days| days.parse::<u32>().ok());
    let time = match days {
        Some(days) => moment::now().plus(Duration::from_secs(u64::from(days).saturating_mul(86_400))),
        None => moment::parse(text).map_err(|error| format!("{error}, or days from now as `90d`"))?,
    };
    match instant(&moment::format(time)) {
        Ok(_) => Ok(time),
        Err(_) => Err("is later than a configuration can say; leave it out for a key that does not expire".to_owned()),
    }
}
