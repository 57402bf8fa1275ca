//! docker-compose.yaml as far as a machine without Docker can check it: it is read, every path and port it names is there,
//! its images are the pinned versions, and Envoy itself validates the configuration it would be given.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use envoy_test::story::{GATE_PORT, ISSUERS_PORT, UPSTREAM_PORT, filter_configuration};
use envoy_test::{ENVOY_VERSION, envoy_binary, load_yaml, wasm, workspace};
use serde_json::{Value, json};

#[test]
fn every_directory_it_mounts_is_in_the_repository_and_every_volume_is_declared() {
    let compose = compose();
    let mut mounts = 0;
    for (service, volume) in volumes(&compose) {
        let source = volume.split(':').next().unwrap();
        mounts += 1;
        if source.starts_with('.') {
            let path = home().join(source);
            assert!(path.is_dir(), "{service} mounts {volume}, and there is no {}", path.display());
        } else {
            let declared = compose["volumes"].as_object().unwrap();
            assert!(declared.contains_key(source), "{service} mounts {volume}, a volume that is not declared");
        }
    }
    assert!(mounts >= 6, "only {mounts} mounts were found: has the file another form now?");
}

#[test]
fn every_file_that_envoy_reads_is_mounted() {
    let compose = compose();
    let mounted: Vec<String> = compose["services"]["envoy"]["volumes"].as_array().unwrap().iter().map(text).collect();
    let directory = "./envoy:/etc/envoy:ro";
    assert!(mounted.iter().any(|volume| volume == directory), "the paths below are checked as {directory}");

    let bootstrap_path = after(&compose["services"]["envoy"]["command"], "--config-path");
    let mut paths = vec![bootstrap_path];
    let bootstrap = template("envoy.yaml");
    for source in ["lds_config", "cds_config"] {
        paths.push(text(&bootstrap["dynamic_resources"][source]["path_config_source"]["path"]));
    }
    for path in &paths {
        let name = path.strip_prefix("/etc/envoy/").unwrap_or_else(|| panic!("{path} is not in a mounted directory"));
        let file = home().join("envoy").join(name);
        assert!(file.is_file(), "Envoy would read {path}, and there is no {}", file.display());
    }

    let module = text(&plugin(&template("listeners.yaml"))["vm_config"]["code"]["local"]["filename"]);
    assert!(mounted.iter().any(|volume| volume == "module:/module:ro"));
    let script = text(&compose["services"]["module"]["command"][2]);
    assert!(
        script.contains(&format!(" {module}\n")),
        "the service `module` does not leave its work at {module}:\n{script}"
    );
    assert_eq!(wasm().file_name(), Path::new(&module).file_name());
}

#[test]
fn every_port_it_publishes_is_one_that_envoy_listens_on() {
    let listener = &template("listeners.yaml")["resources"][0]["address"]["socket_address"]["port_value"];
    let admin = &template("envoy.yaml")["admin"]["address"]["socket_address"]["port_value"];
    let listening: BTreeSet<String> = [listener, admin].map(ToString::to_string).into();
    let compose = compose();
    let ports: Vec<String> = compose["services"]["envoy"]["ports"].as_array().unwrap().iter().map(text).collect();
    let published: BTreeSet<String> = ports.iter().map(|port| port.rsplit(':').next().unwrap().to_owned()).collect();
    assert_eq!(published, listening);
    assert_eq!(listener, &json!(GATE_PORT), "the curl lines of the peers name another port");
    assert!(ports.iter().all(|port| port.starts_with("127.0.0.1:")), "the admin interface is not for the network");
}

#[test]
fn every_cluster_leads_to_a_port_of_a_service() {
    let compose = compose();
    let mut names = BTreeSet::new();
    for cluster in template("clusters.yaml")["resources"].as_array().unwrap() {
        let name = text(&cluster["name"]);
        let endpoint = &cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"];
        let socket = &endpoint["address"]["socket_address"];
        let service = text(&socket["address"]);
        assert!(
            compose["services"][&service].is_object(),
            "the cluster {name} leads to {service}, which is no service"
        );
        let port = if name == "upstream" { UPSTREAM_PORT } else { ISSUERS_PORT };
        assert_eq!(socket["port_value"], json!(port), "the cluster {name}");
        assert_eq!(cluster["load_assignment"]["cluster_name"], json!(name));
        names.insert(name);
    }
    let wanted =
        filter_configuration()["providers"].as_object().unwrap().values().map(|it| text(&it["cluster"])).collect();
    let wanted: BTreeSet<String> = wanted;
    assert!(wanted.is_subset(&names), "the filter wants the clusters {wanted:?}, there are {names:?}");
    let probe = text(&compose["services"]["peers"]["healthcheck"]["test"][3]);
    assert!(probe.ends_with(&format!("/{UPSTREAM_PORT}")), "the health check `{probe}` asks another port");
}

#[test]
fn its_images_are_pinned_to_the_versions_that_the_tests_use() {
    let compose = compose();
    let toolchain = fs::read_to_string(workspace().join("rust-toolchain.toml")).unwrap();
    for (name, service) in compose["services"].as_object().unwrap() {
        let image = text(&service["image"]);
        let (_, tag) = image.split_once(':').unwrap_or_else(|| panic!("the image of {name} has no tag"));
        if image.starts_with("envoyproxy/envoy:") {
            assert_eq!(tag, format!("v{ENVOY_VERSION}"));
        } else if !image.starts_with("rust:") {
            // An engine for shared limits, or its store: nothing that is built here.
            assert!(service["profiles"].is_array() && !["latest", "master"].contains(&tag), "{name}: {image}");
        } else {
            let version = tag.split('-').next().unwrap();
            assert!(toolchain.contains(&format!("channel = \"{version}\"")), "{image} is not {toolchain}");
            assert_eq!(service["environment"]["RUSTUP_TOOLCHAIN"], json!(version));
        }
    }
}

#[test]
fn the_program_it_runs_for_the_peers_is_in_this_crate() {
    let command = &compose()["services"]["peers"]["command"];
    assert_eq!(after(command, "--package"), env!("CARGO_PKG_NAME"));
    let file = home().join("src/bin").join(format!("{}.rs", after(command, "--bin")));
    assert!(file.is_file(), "there is no {}", file.display());
}

#[test]
fn the_filter_configuration_in_the_listener_is_filter_json() {
    let inline = text(&plugin(&template("listeners.yaml"))["configuration"]["value"]);
    let inline: Value = serde_json::from_str(&inline).expect("the configuration in listeners.yaml is JSON");
    assert_eq!(inline, filter_configuration(), "listeners.yaml and filter.json have come apart");
}

#[test]
fn envoy_validates_the_bootstrap() {
    let directory = tempfile::tempdir().unwrap();
    let mut bootstrap = template("envoy.yaml");
    for (source, file) in [("lds_config", "listeners.yaml"), ("cds_config", "clusters.yaml")] {
        let path = &mut bootstrap["dynamic_resources"][source]["path_config_source"]["path"];
        *path = json!(home().join("envoy").join(file));
    }
    validate(directory.path(), &bootstrap);
}

/// Envoy does not look into the files that a bootstrap names when it validates, so they are given as static here.
#[test]
fn envoy_validates_the_listener_and_the_clusters() {
    let directory = tempfile::tempdir().unwrap();
    let mut bootstrap = template("envoy.yaml");
    bootstrap.as_object_mut().unwrap().remove("dynamic_resources");
    let mut listeners = template("listeners.yaml");
    *plugin_mut(&mut listeners).pointer_mut("/vm_config/code/local/filename").unwrap() = json!(wasm());
    bootstrap["static_resources"] = json!({
        "listeners": without_type(&listeners),
        "clusters": without_type(&template("clusters.yaml")),
    });
    validate(directory.path(), &bootstrap);
}

/// The gate with limits, of the profiles of the engines.
#[test]
fn the_gate_with_limits_has_the_examples_configuration_and_envoy_validates_it() {
    let mut bootstrap = load_yaml(&home().join("limits/envoy.yaml"));
    let plugin = bootstrap.pointer_mut(&format!("/static_resources{}", PLUGIN.replace("resources", "listeners")));
    let plugin = plugin.expect("the filter is the first HTTP filter of limits/envoy.yaml");
    let inline: Value = serde_json::from_str(&text(&plugin["configuration"]["value"])).expect("JSON");
    let example = fs::read_to_string(workspace().join("filter-config/global-limits.json")).unwrap();
    let example: Value = serde_json::from_str(&example).expect("JSON");
    assert_eq!(inline, example, "limits/envoy.yaml and the example have come apart");
    *plugin.pointer_mut("/vm_config/code/local/filename").unwrap() = json!(wasm());

    let compose = compose();
    for cluster in bootstrap["static_resources"]["clusters"].as_array().unwrap() {
        let socket =
            &cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"]["socket_address"];
        if cluster["name"] == "limits" {
            for engine in ["limitador", "ratelimit"] {
                assert_eq!(compose["services"][engine]["networks"]["default"]["aliases"], json!([socket["address"]]));
            }
            // Where both engines listen for gRPC.
            assert_eq!(socket["port_value"], 8081);
        } else {
            assert!(compose["services"][text(&socket["address"])].is_object(), "{cluster}");
        }
    }
    validate(tempfile::tempdir().unwrap().path(), &bootstrap);
}

#[test]
fn both_engines_have_the_same_limits() {
    let limitador = load_yaml(&home().join("limits/limitador.yaml"));
    let mut of_limitador: Vec<(String, u64)> = Vec::new();
    for limit in limitador.as_array().unwrap() {
        let tiers: &[&str] = match limit["conditions"].as_array().unwrap().get(1).and_then(Value::as_str) {
            None => &[""],
            Some("descriptors[0].tier == 'gold'") => &["gold"],
            Some(_) => &["*"],
        };
        let first = text(&limit["conditions"][0]);
        let name = first.split('\'').nth(1).unwrap().to_owned();
        let key = text(&limit["variables"][0]).replace("descriptors[0].", "");
        let amount = limit["max_value"].as_u64().unwrap() * 3600 / limit["seconds"].as_u64().unwrap();
        of_limitador.extend(tiers.iter().map(|tier| (format!("{name} {key} {tier}").trim_end().to_owned(), amount)));
    }
    let reference = load_yaml(&home().join("limits/ratelimit/config/portcullis.yaml"));
    let mut of_reference = Vec::new();
    leaves(&reference, "", &mut of_reference);
    of_limitador.sort();
    of_reference.sort();
    assert_eq!(of_limitador, of_reference);
    assert_eq!(reference["domain"], limitador[0]["namespace"]);
}

/// Each limit of `envoyproxy/ratelimit` by its way there, with its amount in an hour.
fn leaves(node: &Value, way: &str, found: &mut Vec<(String, u64)>) {
    for child in node["descriptors"].as_array().into_iter().flatten() {
        let part = match (child["key"].as_str().unwrap(), child["value"].as_str()) {
            ("generic_key", value) => value.unwrap().to_owned(),
            ("tier", value) => value.unwrap_or("*").to_owned(),
            (key, _) => key.to_owned(),
        };
        let way = format!("{way} {part}").trim_start().to_owned();
        if let Some(most) = child["rate_limit"]["requests_per_unit"].as_u64() {
            let in_an_hour = if child["rate_limit"]["unit"] == "minute" { 60 } else { 1 };
            found.push((way.clone(), most * in_an_hour));
        }
        leaves(child, &way, found);
    }
}

fn validate(directory: &Path, bootstrap: &Value) {
    let path = directory.join("envoy.json");
    fs::write(&path, bootstrap.to_string()).unwrap();
    let output = Command::new(envoy_binary().path)
        .args(["--mode", "validate", "--log-level", "warning", "--config-path"])
        .arg(&path)
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success() && said.contains(" OK"), "Envoy does not accept it:\n{said}");
}

fn without_type(resources: &Value) -> Value {
    let strip = |resource: &Value| {
        let mut resource = resource.as_object().unwrap().clone();
        assert!(resource.remove("@type").is_some(), "a resource in a file needs its @type");
        Value::Object(resource)
    };
    resources["resources"].as_array().unwrap().iter().map(strip).collect()
}

const PLUGIN: &str = "/resources/0/filter_chains/0/filters/0/typed_config/http_filters/0/typed_config/config";

fn plugin(listeners: &Value) -> &Value {
    listeners.pointer(PLUGIN).expect("the filter is the first HTTP filter of listeners.yaml")
}

fn plugin_mut(listeners: &mut Value) -> &mut Value {
    listeners.pointer_mut(PLUGIN).expect("the filter is the first HTTP filter of listeners.yaml")
}

fn volumes(compose: &Value) -> Vec<(String, String)> {
    let services = compose["services"].as_object().unwrap();
    let of = |(name, service): (&String, &Value)| -> Vec<(String, String)> {
        service["volumes"].as_array().into_iter().flatten().map(|volume| (name.clone(), text(volume))).collect()
    };
    services.iter().flat_map(of).collect()
}

/// The argument after `flag` of a command.
fn after(command: &Value, flag: &str) -> String {
    let words: Vec<String> = command.as_array().unwrap().iter().map(text).collect();
    let place = words.iter().position(|word| word == flag).unwrap_or_else(|| panic!("no {flag} in {words:?}"));
    words[place + 1].clone()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is not a text")).to_owned()
}

fn template(name: &str) -> Value {
    load_yaml(&home().join("envoy").join(name))
}

fn compose() -> Value {
    load_yaml(&home().join("docker-compose.yaml"))
}

fn home() -> PathBuf {
    workspace().join("envoy-test")
}
