//! Envoy's geoip filter in front of ours, with databases in MaxMind's format.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use mmdb_writer::Writer;
use serde::Serialize;
use serde_json::Value;

use crate::Builder;

/// Where addresses are: a network, its country (ISO 3166 alpha-2) and its autonomous system.
pub type Place<'a> = (&'a str, &'a str, u32);

/// A country's entry, as far as Envoy reads it.
#[derive(Serialize)]
struct Country {
    country: HashMap<&'static str, String>,
}

/// A network's entry.
#[derive(Serialize)]
struct System {
    autonomous_system_number: u32,
}

impl Builder {
    /// Puts `envoy-test/geoip/listener.yaml` into the listener, with databases that know `places`, written to `directory`.
    ///
    /// # Panics
    /// When a file cannot be written or a network not be read.
    #[must_use]
    pub fn geoip(self, directory: &Path, places: &[Place<'_>]) -> Self {
        let country = |code: &str| Country { country: HashMap::from([("iso_code", code.to_owned())]) };
        let countries = write(directory, "country", places.iter().map(|place| (place.0, country(place.1))));
        let systems = places.iter().map(|place| (place.0, System { autonomous_system_number: place.2 }));
        let systems = write(directory, "asn", systems);
        let text = include_str!("../geoip/listener.yaml")
            .replace("/etc/envoy/country.mmdb", &countries.display().to_string())
            .replace("/etc/envoy/asn.mmdb", &systems.display().to_string());
        let addition: Value = serde_saphyr::from_str(&text).expect("YAML");
        self.patch_listener(move |listener| {
            let manager =
                listener.pointer_mut("/filter_chains/0/filters/0/typed_config").expect("a connection manager");
            manager["early_header_mutation_extensions"] = addition["early_header_mutation_extensions"].clone();
            let filters = manager["http_filters"].as_array_mut().expect("filters");
            filters.insert(0, addition["http_filters"][0].clone());
        })
    }
}

fn write<'p, T: Serialize>(directory: &Path, name: &str, places: impl Iterator<Item = (&'p str, T)>) -> PathBuf {
    let mut database = Writer::new(name);
    for (network, place) in places {
        database.insert(network.parse::<IpNet>().expect("a network"), &place).expect("an entry");
    }
    let path = directory.join(name).with_extension("mmdb");
    let bytes = database.to_bytes().expect("a database");
    fs::write(&path, bytes).unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
    path
}
