//! An authorization server that answers anything but what it should.

use std::time::{Duration, Instant};

use envoy_test::{Gate, Request};
use serde_json::json;

use crate::eventually;
use crate::server::{Reply, Server, answer};

fn start(server: &Server) -> Gate {
    let configuration = json!({
        "providers": {
            "opaque": {
                "issuer": "https://opaque.test", "audiences": ["orders"],
                "introspection": {
                    "endpoint": "https://opaque.test/introspect", "cluster": "opaque", "jwts": "refuse",
                    "client": { "id": "gate", "secret": "hush" }, "timeout": "1s", "negative_cache": "1s", "max_bytes": "16KiB"
                }
            },
            "idp": { "issuer": "https://idp.example", "audiences": ["orders"], "cluster": "idp" }
        },
        "rules": [{ "name": "orders", "match": { "paths": ["/orders"] } }],
        "audit": { "log": "all" }
    });
    Gate::start_with(configuration, |builder, _| builder.cluster("opaque", server.address()))
}

fn get(token: &str) -> Request {
    Request::get("/orders").bearer(token)
}

fn good() -> Reply {
    Reply::Say(json!({ "active": true, "aud": "orders", "sub": "u-1" }))
}

pub(crate) fn answers() {
    let server = Server::start();
    server.put("good", good());
    let gate = start(&server);
    let jwt = gate.idp.token(gate.idp.claims("orders")).build();
    let yes = br#"{"active":true,"aud":"orders"}"#;
    let json_type = "application/json";
    let long = |bytes| [br#"{"active":true,"aud":"orders","x":""#.as_slice(), &vec![b'x'; bytes], br#""}"#].concat();
    let deep = format!(r#"{{"active":true,"aud":"orders","x":{}{}}}"#, "[".repeat(5000), "]".repeat(5000));
    let packed = b"HTTP/1.1 200 X\r\ncontent-type: application/json\r\ncontent-encoding: gzip\r\ncontent-length: 30\r\nconnection: close\r\n\r\n";
    let unavailable = "503 introspection_unavailable";
    let of_one_token: Vec<(&str, Reply, &str)> = vec![
        ("text", Reply::Say(json!({ "active": "true", "aud": "orders" })), "401 introspection_active_malformed"),
        ("number", Reply::Say(json!({ "active": 1, "aud": "orders" })), "401 introspection_active_malformed"),
        ("null", Reply::Say(json!({ "active": null, "aud": "orders" })), "401 introspection_active_malformed"),
        ("absent", Reply::Say(json!({ "aud": "orders" })), "401 introspection_active_missing"),
        ("twice", Reply::Raw(answer(200, json_type, br#"{"active":false,"active":true,"aud":"orders"}"#)), unavailable),
        ("garbage", Reply::Raw(answer(200, json_type, b"\xff\x00<html>")), unavailable),
        ("refused", Reply::Raw(answer(400, json_type, yes)), unavailable),
        ("deep", Reply::Raw(answer(200, json_type, deep.as_bytes())), unavailable),
        ("packed", Reply::Raw([packed.as_slice(), yes].concat()), unavailable),
        ("empty", Reply::Raw(answer(200, json_type, b"")), unavailable),
    ];
    let of_the_server = vec![
        ("html", Reply::Raw(answer(200, "text/html", yes))),
        ("signed", Reply::Raw(answer(200, "application/token-introspection+jwt", b"a.b.c"))),
        ("created", Reply::Raw(answer(201, json_type, yes))),
        ("failed", Reply::Raw(answer(500, json_type, yes))),
        ("nonsense", Reply::Raw(b"\x16\x03\x01 no HTTP at all\r\n\r\n".to_vec())),
        // How much of it has come when the server closes is a matter of luck: too long, or broken off.
        ("huge", Reply::Raw(answer(200, json_type, &long(1 << 18)))),
        // Envoy buffers a megabyte of an answer: of more nothing comes.
        ("endless", Reply::Raw(answer(200, json_type, &long(1 << 20)))),
        ("stalls", Reply::Stall),
        ("hangs-up", Reply::HangUp),
    ];
    let ask = |token: &str, reply, expected: &str| {
        server.put(token, reply);
        let began = Instant::now();
        let answer = gate.envoy.send(&get(token));
        let outcome = format!("{} {}", answer.status, gate.envoy.reason_of(&answer));
        assert_eq!(outcome, expected, "{token}\n{}", gate.envoy.log_tail());
        assert!(began.elapsed() < Duration::from_secs(20), "{token}: {:?}", began.elapsed());
        // Who has a JWT does not notice.
        assert_eq!(gate.envoy.send(&get(&jwt)).status, 200, "{token}");
    };
    // What can't be read of one token says nothing of another. These come first: after a fault of the server's own it rests.
    for (token, reply, expected) in of_one_token {
        ask(token, reply, expected);
        let other = format!("after-{token}");
        server.put(&other, good());
        assert_eq!(gate.envoy.send(&get(&other)).status, 200, "{token}\n{}", gate.envoy.log_tail());
    }
    // A server that answers again is asked again, of tokens that no worker remembers.
    for (token, reply) in of_the_server {
        ask(token, reply, unavailable);
        let mut tries = 0;
        eventually("it recovers", || {
            tries += 1;
            let other = format!("after-{token}-{tries}");
            server.put(&other, good());
            gate.envoy.send(&get(&other)).status == 200
        });
    }
    gate.envoy.assert_every_worker_lets_through(&get(&jwt));
}

pub(crate) fn redirects_and_fields() {
    let (server, elsewhere) = (Server::start(), Server::start());
    elsewhere.put("t", good());
    let location = format!("http://{}/introspect", elsewhere.address());
    let redirect = format!("HTTP/1.1 307 X\r\nlocation: {location}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    server.put("t", Reply::Raw(redirect.into_bytes()));
    let gate = start(&server);
    let answer = gate.envoy.send(&get("t"));
    assert_eq!((answer.status, gate.envoy.reason_of(&answer).as_str()), (503, "introspection_unavailable"));
    assert!(elsewhere.forms().is_empty(), "it went where the redirect points");
    assert!(gate.envoy.filter_log().iter().any(|line| line.contains("introspection_redirect")));

    let gate = start(&server);
    let before = server.forms().len();
    let answer = gate.envoy.send(&get("a&token=good"));
    assert_eq!((answer.status, gate.envoy.reason_of(&answer).as_str()), (400, "credential_malformed"));
    assert_eq!(server.forms().len(), before);
    assert_eq!(gate.envoy.send(&get("a+b/c~==")).status, 401);
    assert_eq!(server.forms()[before..], ["token=a%2Bb%2Fc%7E%3D%3D&token_type_hint=access_token"]);
}
