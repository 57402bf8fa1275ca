//! What Envoy reads: the files of `envoy-test/envoy/`, with this run's addresses, paths and filter configuration.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::ConfigForm;
use crate::support::{load_yaml, workspace};

/// Everything that the files of one run depend on.
#[derive(Default)]
pub(super) struct Plan {
    pub(super) configuration: String,
    pub(super) form: ConfigForm,
    pub(super) module: Option<PathBuf>,
    pub(super) without_filter: bool,
    pub(super) clusters: Vec<Cluster>,
    pub(super) environment: Vec<(String, String)>,
    pub(super) log_state: Vec<String>,
    pub(super) patches: Vec<Patch>,
}

/// A change of the listener after everything else.
pub(super) type Patch = Box<dyn Fn(&mut Value) + Send + Sync>;

/// A cluster with one endpoint.
pub(super) struct Cluster {
    pub(super) name: String,
    pub(super) address: SocketAddr,
    pub(super) tls: bool,
    pub(super) http2: bool,
}

pub(super) const BOOTSTRAP: &str = "envoy.json";
pub(super) const ACCESS_LOG: &str = "access.log";
const LISTENERS: &str = "listeners.json";
const CLUSTERS: &str = "clusters.json";

impl Plan {
    /// Writes the bootstrap, the clusters and the listener into `dir`.
    pub(super) fn write_all(&self, dir: &Path) {
        write(&dir.join(BOOTSTRAP), &bootstrap(dir));
        write(&dir.join(CLUSTERS), &self.clusters());
        self.write_listener(dir);
    }

    /// Writes the listener into `dir`, by a rename: that is what Envoy watches for, and it never sees half a file.
    pub(super) fn write_listener(&self, dir: &Path) {
        let listeners = self.listeners(dir);
        write(&dir.join("listeners.new"), &listeners);
        let path = dir.join(LISTENERS);
        fs::rename(dir.join("listeners.new"), &path)
            .unwrap_or_else(|error| panic!("cannot put {} in place: {error}", path.display()));
    }

    fn listeners(&self, dir: &Path) -> Value {
        let mut file = template("listeners.yaml");
        // Envoy gives the port back in /listeners; nothing else can take it in between.
        *at(&mut file, "/resources/0/address/socket_address") = json!({"address": "127.0.0.1", "port_value": 0});
        let manager = at(&mut file, "/resources/0/filter_chains/0/filters/0/typed_config");
        *at(manager, "/access_log/0/typed_config/path") = json!(dir.join(ACCESS_LOG));
        let fields = at(manager, "/access_log/0/typed_config/log_format/json_format");
        for name in &self.log_state {
            fields[name] = json!(format!("%FILTER_STATE(wasm.portcullis.{name}:PLAIN)%"));
        }
        let filters = at(manager, "/http_filters");
        if self.without_filter {
            filters.as_array_mut().expect("a list of filters").remove(0);
        } else {
            let plugin = at(filters, "/0/typed_config/config");
            *at(plugin, "/vm_config/code/local/filename") = json!(self.module);
            plugin["configuration"] = self.configuration();
            if !self.environment.is_empty() {
                let pairs = self.environment.iter().map(|(name, value)| (name.clone(), json!(value)));
                plugin["vm_config"]["environment_variables"] = json!({"key_values": Value::Object(pairs.collect())});
            }
        }
        let listener = at(&mut file, "/resources/0");
        for patch in &self.patches {
            patch(listener);
        }
        file
    }

    fn configuration(&self) -> Value {
        match self.form {
            ConfigForm::StringValue => {
                json!({"@type": "type.googleapis.com/google.protobuf.StringValue", "value": self.configuration})
            }
            ConfigForm::Struct => {
                let text = if self.configuration.is_empty() { "{}" } else { &self.configuration };
                let value: Value = serde_json::from_str(text).unwrap_or_else(|error| {
                    panic!("the filter configuration is not JSON ({error}); use ConfigForm::StringValue:\n{text}")
                });
                json!({"@type": "type.googleapis.com/google.protobuf.Struct", "value": value})
            }
        }
    }

    fn clusters(&self) -> Value {
        let mut file = template("clusters.yaml");
        let model = at(&mut file, "/resources/0").clone();
        let mut resources: Vec<Value> = self.clusters.iter().map(|cluster| cluster.render(&model)).collect();
        // The route names this one, and Envoy wants what a route names. Nobody listens on port 1.
        if !self.clusters.iter().any(|cluster| cluster.name == "upstream") {
            let nobody = SocketAddr::from(([127, 0, 0, 1], 1));
            resources.push(
                Cluster { name: "upstream".to_owned(), address: nobody, tls: false, http2: false }.render(&model),
            );
        }
        json!({"resources": resources})
    }
}

impl Cluster {
    fn render(&self, model: &Value) -> Value {
        let mut cluster = model.clone();
        cluster["name"] = json!(self.name);
        cluster["type"] = json!("STATIC");
        *at(&mut cluster, "/load_assignment/cluster_name") = json!(self.name);
        *at(&mut cluster, "/load_assignment/endpoints/0/lb_endpoints/0/endpoint/address/socket_address") =
            json!({"address": self.address.ip().to_string(), "port_value": self.address.port()});
        if self.tls {
            cluster["transport_socket"] = json!({
                "name": "envoy.transport_sockets.tls",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
                },
            });
        }
        if self.http2 {
            cluster["typed_extension_protocol_options"] = json!({
                "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                    "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                    "explicit_http_config": {"http2_protocol_options": {}},
                },
            });
        }
        cluster
    }
}

fn bootstrap(dir: &Path) -> Value {
    let mut file = template("envoy.yaml");
    *at(&mut file, "/admin/address/socket_address") = json!({"address": "127.0.0.1", "port_value": 0});
    *at(&mut file, "/dynamic_resources/lds_config/path_config_source/path") = json!(dir.join(LISTENERS));
    *at(&mut file, "/dynamic_resources/cds_config/path_config_source/path") = json!(dir.join(CLUSTERS));
    file
}

fn template(name: &str) -> Value {
    load_yaml(&workspace().join("envoy-test/envoy").join(name))
}

/// The place in a template that this run fills in. A template that has lost it is a mistake to be told of.
fn at<'a>(file: &'a mut Value, pointer: &str) -> &'a mut Value {
    file.pointer_mut(pointer).unwrap_or_else(|| panic!("the files in envoy-test/envoy have no `{pointer}` any more"))
}

fn write(path: &Path, value: &Value) {
    fs::write(path, format!("{value:#}")).unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
}
