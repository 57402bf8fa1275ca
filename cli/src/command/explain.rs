//! `portcullis explain`: one request walked step by step.

mod limits;
mod story;

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use portcullis::config::Config;
use portcullis::time::UnixTime;
use serde_json::{Map, Value};

use super::{EnvironmentArguments, Exit, Format, line, named, replay};
use crate::scenario::gate::{Gate, head};
use crate::world::api_key::KeySpec;
use crate::world::opaque::Opaque;
use crate::world::token::{Kind, TokenSpec};
use crate::world::{Keys, World};
use crate::{document, moment};
use story::Story;

pub(super) const EXAMPLES: &str = "Examples:
  portcullis explain filter.json --request 'GET https://api.example/orders/7' --claims '{\"scp\": \"orders.read\"}'
      what comes of a token with these claims; it is made and signed here, the rest of it is ordinary
  portcullis explain filter.json --request 'GET https://api.example/orders/7' --token token.txt --keys jwks.json
      what comes of a real token; its issuer's keys are in jwks.json
  portcullis explain filter.json --request 'POST https://api.example/payments' --claims claims.yaml \\
      --from 203.0.113.7 --at 2026-03-29T01:30:00+01:00 --header 'x-tier: gold'
      from there, then, with this header
  portcullis explain filter.json --request 'GET https://api.example/orders/7' --api-key ci
      what comes of the API key `ci`; it gets a secret that is known here
  portcullis explain new.json --envoy-log envoy.log
      which decisions in the log would be others with new.json; the log needs `audit: {log: all, inputs: true}`

Exit codes: 0 told, 1 the configuration has faults, 2 something can't be read, 3 decisions change (--envoy-log).";

/// What to explain.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The configuration, JSON or YAML
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The request: `GET https://api.example/orders/7`
    #[arg(long, value_name = "METHOD URL", required_unless_present = "envoy_log")]
    request: Option<String>,
    /// A file with a real token; `-` is the standard input. Needs --keys unless the configuration has the keys
    #[arg(long, value_name = "FILE", conflicts_with = "claims")]
    token: Option<PathBuf>,
    /// Claims of a token that is made here: a file, JSON or YAML, or the JSON itself. null leaves a claim out
    #[arg(long, value_name = "FILE|JSON")]
    claims: Option<String>,
    /// Whose token is made; may be left out where there is one provider
    #[arg(long, value_name = "NAME", requires = "claims")]
    provider: Option<String>,
    /// Who has the token that is made
    #[arg(long, value_enum, default_value_t, requires = "claims")]
    kind: KindArgument,
    /// The id of an API key of the configuration, or of none; its secret is made here
    #[arg(long, value_name = "ID", conflicts_with_all = ["token", "claims"])]
    api_key: Option<String>,
    /// The token that is made is opaque, and the claims are what its authorization server says of it
    #[arg(long, requires = "claims")]
    opaque: bool,
    /// The issuer's keys, a JWK set
    #[arg(long, value_name = "FILE", conflicts_with = "claims")]
    keys: Option<PathBuf>,
    /// The client's address; not known if left out
    #[arg(long, value_name = "IP")]
    from: Option<IpAddr>,
    /// When it is asked (RFC 3339); now if left out
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    at: Option<UnixTime>,
    /// A header, as often as needed
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = header)]
    headers: Vec<(String, String)>,
    /// A file with the certificate that the connection shows, in PEM; taken for checked unless
    /// `--connection connection.peer_certificate_valid=false`
    #[arg(long, value_name = "FILE")]
    certificate: Option<PathBuf>,
    /// A property of the connection, as Envoy names it: `connection.uri_san_peer_certificate=spiffe://a`
    #[arg(long = "connection", value_name = "NAME=VALUE", value_parser = super::assignment)]
    connection: Vec<(String, String)>,
    /// Replays the filter's records in these logs; `-` is the standard input
    #[arg(long, value_name = "LOG", num_args = 1.., conflicts_with_all = ["request", "token", "claims", "api_key", "keys", "from", "at", "headers"])]
    envoy_log: Vec<PathBuf>,
    /// Replays as if there were no limits
    #[arg(long, requires = "envoy_log")]
    without_limits: bool,
    /// How to tell it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    environment: EnvironmentArguments,
}

/// Who has a token that is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum KindArgument {
    /// A person
    #[default]
    User,
    /// A program that acts for itself
    App,
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("expected NAME: VALUE")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

pub(super) fn run(arguments: &Arguments, out: &mut Vec<u8>) -> Result<Exit, String> {
    let text = document::read(&arguments.file).and_then(|text| document::json_text(&text))?;
    let environment = |name: &str| arguments.environment.get(name);
    // The text as it is first: the faults are those of the file.
    let config = match Config::load(text.as_bytes(), &environment) {
        Ok(config) => config,
        Err(problems) => {
            for problem in problems.iter() {
                line!(out, "{}: error: {problem}", named(&arguments.file));
            }
            return Ok(Exit::Faults);
        }
    };
    let value = document::value(&text)?;
    if !arguments.envoy_log.is_empty() {
        return replay::run(
            &value,
            &environment,
            &arguments.envoy_log,
            arguments.without_limits,
            arguments.format,
            out,
        );
    }
    let (method, host, path) = target(arguments.request.as_deref().unwrap_or_default())?;
    let now = arguments.at.unwrap_or_else(moment::now);
    let mut hints = Vec::new();
    let mut headers = arguments.headers.clone();
    let mut gate = match (&arguments.token, &arguments.claims) {
        (None, Some(claims)) => {
            let (config, world) = World::open(&value, &environment).map_err(|problems| problems.to_string())?;
            let token = world.mint(&spec(claims, arguments)?, now).map_err(|error| format!("--claims: {error}"))?;
            headers.push(("authorization".to_owned(), format!("Bearer {token}")));
            Gate::new(config, world)
        }
        (Some(file), _) => {
            let token = document::read(file)?;
            let token = token.trim();
            let token = token.strip_prefix("Bearer ").unwrap_or(token);
            headers.push(("authorization".to_owned(), format!("Bearer {token}")));
            let keys = match &arguments.keys {
                Some(file) => Keys::Given(document::value(&document::read(file)?)?),
                None => {
                    hints.push("without --keys only keys in the configuration can check the token; what an opaque one is, --claims with --opaque can say");
                    Keys::None
                }
            };
            let world = World::with_keys(&config, &keys);
            Gate::new(config, world)
        }
        (None, None) if arguments.api_key.is_some() => {
            let (config, world) = World::open(&value, &environment).map_err(|problems| problems.to_string())?;
            let id = arguments.api_key.as_deref().unwrap_or_default();
            let key = KeySpec { id: id.to_owned(), ..KeySpec::default() };
            headers.push(world.api_key(&key).map_err(|error| format!("--api-key: {error}"))?);
            Gate::new(config, world)
        }
        (None, None) => {
            let world = World::with_keys(&config, &Keys::None);
            Gate::new(config, world)
        }
    };
    gate.host().connect(arguments.from);
    if let Some(file) = &arguments.certificate {
        gate.host().show_pem(&document::read(file)?);
    }
    for (name, value) in &arguments.connection {
        gate.host().set(name, value);
    }
    let pairs = head(&method, &host, &path, &headers);
    let rehearsal = gate.walk(pairs.clone(), now);
    let story = Story::of(&rehearsal, &value, now);
    match arguments.format {
        Format::Json => line!(out, "{:#}", story.json),
        Format::Text => {
            for (label, lines) in story.lines {
                for (index, text) in lines.iter().enumerate() {
                    line!(out, "{:<12}{text}", if index == 0 { label } else { "" });
                }
            }
            for hint in hints.iter().filter(|_| story.keys_lacking) {
                line!(out, "{:<12}{hint}", "hint");
            }
        }
    }
    Ok(Exit::Fine)
}

/// `GET https://api.example/orders/7?x=1` as method, host and path.
fn target(text: &str) -> Result<(String, String, String), String> {
    let expected = || {
        format!("--request: expected a method and an address, as in `GET https://api.example/orders/7`; found `{text}`")
    };
    let (method, address) = text.trim().split_once(' ').ok_or_else(expected)?;
    let address = address.trim();
    if address.starts_with('/') {
        return Ok((method.to_owned(), "localhost".to_owned(), address.to_owned()));
    }
    let rest = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://")).ok_or_else(expected)?;
    let (host, path) = match rest.find(['/', '?']) {
        Some(at) => rest.split_at_checked(at).ok_or_else(expected)?,
        None => (rest, "/"),
    };
    let path = if path.starts_with('?') { format!("/{path}") } else { path.to_owned() };
    Ok((method.to_owned(), host.to_owned(), path))
}

fn spec(claims: &str, arguments: &Arguments) -> Result<TokenSpec, String> {
    let text =
        if claims.trim_start().starts_with('{') { claims.to_owned() } else { document::read(&PathBuf::from(claims))? };
    let Value::Object(members) = document::value(&text).map_err(|error| format!("--claims: {error}"))? else {
        return Err("--claims: expected an object".to_owned());
    };
    let (absent, claims): (Map<String, Value>, Map<String, Value>) =
        members.into_iter().partition(|(_, value)| value.is_null());
    Ok(TokenSpec {
        provider: arguments.provider.clone(),
        kind: if arguments.kind == KindArgument::App { Kind::App } else { Kind::User },
        claims,
        without: absent.into_iter().map(|(name, _)| name).collect(),
        opaque: arguments.opaque.then(Opaque::default),
        ..TokenSpec::default()
    })
}
