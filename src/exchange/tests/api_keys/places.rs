//! Where keys are looked for, and how far they go.

use super::*;

#[test]
fn a_key_goes_no_further_from_wherever_it_came() {
    let mut config = keys();
    config["forward"] = json!({ "authorization": "keep" });
    config["credentials"] = json!({ "cookies": ["session"] });
    config["api_keys"]["sources"] = json!({
        "headers": [{ "name": "x-api-key" }, { "name": "x-key", "prefix": "Key " }],
        "cookies": ["key"],
        "danger_query_parameters": ["key"],
    });
    let mut gate = Gate::new(&config);
    let query = format!("/orders/7?a=1&KEY={}", key());
    let cookie = format!("a=1; key={}; session=", key());
    let after_prefix = format!("key  {}", key());
    for (path, headers) in [
        ("/orders/7", vec![("x-api-key", key())]),
        ("/orders/7", vec![("x-key", after_prefix)]),
        ("/orders/7", vec![("cookie", cookie.replace("; session=", ""))]),
        (&query, vec![]),
        ("/open", vec![("X_API_KEY", key()), ("x.key", key()), ("cookie", cookie)]),
    ] {
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let mut pairs = vec![(b":path".to_vec(), path.as_bytes().to_vec())];
        pairs.extend(headers.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())));
        let passage = passage(gate.send("GET", path, &headers));
        let left = format!(
            "{:?}",
            passage
                .mutations
                .applied(&pairs)
                .iter()
                .map(|(name, value)| format!("{} {}", name.escape_ascii(), value.escape_ascii()))
                .collect::<Vec<_>>()
        );
        assert!(!left.contains("pcl_"), "{left}");
        assert!(!path.contains("KEY") || left.contains("/orders/7?a=1"), "{left}");
    }
    let repeated = format!("key={}", key());
    let twice = [("cookie", repeated.as_str()), ("cookie", repeated.as_str())];
    assert_eq!(outcome(&gate.send("GET", "/orders/7", &twice)), "400 credential_repeated");
    let twice = format!("{query}&key=x");
    assert_eq!(outcome(&gate.send("GET", &twice, &[])), "400 credential_repeated");
    let in_another = format!("{query}&other={}", key());
    assert_eq!(outcome(&gate.send("GET", &in_another, &[])), "400 credential_several");
    assert_eq!(outcome(&gate.send("GET", "/orders/7", &[("x-key", &key())])), "401 credential_unsupported_scheme");
    let trailers: HeaderMap =
        ["X_Api_Key", "x-key", "grpc-status"].map(|name| (name.into(), "x".into())).into_iter().collect();
    let config = gate.engine.config();
    let removed: Vec<_> =
        config.trailers_to_remove(&trailers).map(|name| String::from_utf8_lossy(name).into_owned()).collect();
    assert_eq!(removed, ["X_Api_Key", "x-key"]);
}

#[test]
fn keys_alone_need_no_provider() {
    let mut config = keys();
    config["rules"] = json!([{ "name": "all", "match": {}, "accept": ["api_key"] }]);
    config["roles"]["writer"] = json!({ "permissions": ["write"] });
    config.as_object_mut().unwrap().remove("providers");
    let mut gate = Gate::new(&config);
    assert_eq!(outcome(&shown(&mut gate, "/", &key())), "allow");
    assert_eq!(outcome(&gate.send("GET", "/", &[])), "401 credential_missing");
    // Nobody's tokens are looked for: what else a request says is between the client and the upstream.
    assert_eq!(outcome(&gate.get("/", &token())), "401 credential_missing");
    assert_eq!(outcome(&gate.send("GET", "/?access_token=x", &[])), "401 credential_missing");
    let basic = ("authorization", "Basic dXNlcjpwYXNz");
    let passage = passage(gate.send("GET", "/", &[("x-api-key", &key()), basic]));
    assert!(removed(&passage.mutations, "x-api-key") && !removed(&passage.mutations, "authorization"));
    config["credentials"] = json!({ "authorization": false });
    assert_eq!(outcome(&shown(&mut Gate::new(&config), "/", &key())), "allow");
    config["credentials"] = json!({ "authorization": true });
    assert_eq!(outcome(&Gate::new(&config).send("GET", "/", &[basic])), "401 credential_unsupported_scheme");
    config.as_object_mut().unwrap().remove("credentials");
    config["api_keys"]["sources"] = json!({ "headers": [{ "name": "Authorization", "prefix": "ApiKey " }] });
    let own = format!("ApiKey {}", key());
    assert_eq!(outcome(&Gate::new(&config).send("GET", "/", &[("authorization", &own)])), "allow");
}

#[test]
fn a_key_in_the_query_goes_no_further_where_nobody_looks_for_one() {
    let mut config = keys();
    config["rules"][1]["report_only"] = json!(true);
    config["answers"] = json!({ "cors_preflight": "pass" });
    let mut gate = Gate::new(&config);
    for path in ["/open", "/tokens"] {
        for (query, left) in [
            (format!("?a=1&api_key={}&b=2", key()), "?a=1&b=2"),
            (format!("?x={0}&y={0}", key()), ""),
            (format!("?{}", key()), ""),
        ] {
            let passage = passage(gate.send("GET", &format!("{path}{query}"), &[]));
            assert_eq!(passage.mutations.path(), Some(format!("{path}{left}").as_bytes()), "{query}");
        }
        let other = passage(gate.send("GET", &format!("{path}?a=pcl_ci_short&b=%zz"), &[]));
        assert_eq!(other.mutations.path(), None, "what is no key stays");
    }
}

#[test]
fn the_header_is_looked_at_unless_it_is_taken_out() {
    let mut config = keys();
    let answer = |config: &Value| outcome(&shown(&mut Gate::new(config), "/orders/7", &key()));
    for sources in [json!({}), json!({ "cookies": ["key"] }), json!({ "danger_query_parameters": ["key"] })] {
        config["api_keys"]["sources"] = sources;
        assert_eq!(answer(&config), "allow");
        let passage = passage(Gate::new(&config).send("GET", "/open", &[("x-api-key", &key())]));
        assert!(removed(&passage.mutations, "x-api-key"));
    }
    config["api_keys"]["sources"] = json!({ "headers": [], "cookies": ["key"] });
    assert_eq!(answer(&config), "401 credential_missing");
}

#[test]
fn a_credential_that_is_sent_in_another_way_is_told_apart() {
    let mut gate = Gate::new(&keys());
    let detail = |step: Step| serde_json::from_slice::<Value>(&reply(step).body).unwrap()["detail"].clone();
    let basic = detail(gate.send("GET", "/read", &[("authorization", "Basic dXNlcjpwYXNz")]));
    assert_eq!(basic, "the credential is sent in a way that is not known here");
    assert_eq!(detail(gate.send("GET", "/read", &[])), "this endpoint needs an access token or an API key");
}
