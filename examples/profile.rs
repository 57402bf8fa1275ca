use envoy_test::{IssuerServer, KeyKind};
use portcullis::engine::Engine;
use portcullis::exchange::{Exchange, Step};
use portcullis::time::UnixTime;
use serde_json::json;
struct H;
impl portcullis::provider::SharedData for H {
    fn get(&mut self, _: &str) -> Option<(Vec<u8>, u32)> {
        None
    }
    fn set(&mut self, _: &str, _: &[u8], _: u32) -> Result<(), portcullis::provider::CasMismatch> {
        Ok(())
    }
}
impl portcullis::jose::NativeVerifier for H {
    fn verify(&mut self, _: portcullis::jose::Hash, _: &[u8], _: &[u8], _: &[u8]) -> Option<bool> {
        Some(true)
    }
}
#[inline(never)]
fn profiled_walk(bytes: Vec<u8>, e: &mut Engine, now: UnixTime) -> Step {
    let pairs = portcullis::http::pairs::decode(bytes).unwrap();
    Exchange::begin(pairs, e, &mut H, now)
}
const T: &str = "11111111-2222-4333-8444-555555555555";
const AUD: &str = "66666666-7777-4888-9999-aaaaaaaaaaaa";
fn main() {
    let mode = std::env::args().nth(1).unwrap();
    let n: usize = std::env::args().nth(2).unwrap().parse().unwrap();
    let login = IssuerServer::start();
    let entra = login.entra(T);
    let key = entra.add_key(KeyKind::Rsa2048, "entra-1");
    let conf = json!({
        "providers": { "entra": { "issuer": entra.v2_claims(AUD)["iss"], "jwks": {"keys":[key.jwk()]}, "audiences": [AUD] } },
        "rules": [{ "name": "orders", "match": { "paths": ["/orders/{id}"] } }],
        "forward": { "authorization": "keep" }, "signatures": "prefer_host",
        "audit": { "log": "none" } });
    let mut e = match Engine::load(conf.to_string().as_bytes(), &|_| None, 1) {
        Ok(e) => e,
        Err(p) => {
            for p in p.iter() {
                eprintln!("{p}");
            }
            return;
        }
    };
    let tokens: Vec<String> = (0..if mode == "new" { n } else { 1 })
        .map(|i| {
            entra
                .token(entra.v2_claims(AUD))
                .with("uti", format!("id-{i:08}"))
                .with("exp", if mode == "expired" { 1_000_000_000u64 } else { 4_000_000_000u64 })
                .build()
        })
        .collect();
    let now =
        UnixTime::from_secs(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs());
    let mut ok = 0;
    for i in 0..n {
        let t = &tokens[i % tokens.len()];
        let mut pairs: Vec<(Vec<u8>, Vec<u8>)> = vec![];
        let mut p = |a: &str, b: &str| pairs.push((a.into(), b.into()));
        p(":authority", "api.example");
        p(":path", "/orders/1");
        p(":method", "GET");
        p(":scheme", "http");
        if mode != "none" {
            p("authorization", &format!("Bearer {t}"));
        }
        p("accept", "application/json");
        p("accept-encoding", "gzip, deflate, br");
        p("accept-language", "en");
        p("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0");
        p("x-forwarded-proto", "http");
        p("x-request-id", "00000000-0000-0000-0000-000000000000");
        let bytes = portcullis::http::pairs::encode(&pairs).unwrap();
        match profiled_walk(bytes, &mut e, now) {
            Step::Continue(..) => ok += 1,
            Step::Reply(r, rec) => {
                if i == 0 {
                    eprintln!("{} {}", r.status, rec.reason)
                }
            }
            _ => {}
        }
    }
    eprintln!("{ok} ok of {n}");
}
