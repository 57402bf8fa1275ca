//! How a token is put into a request.

use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

/// The rest of a request after its path: the query, and whole header lines.
pub(super) struct Carrier {
    /// What is odd about it. Nothing for `Authorization: Bearer TOKEN`.
    pub(super) oddity: Option<&'static str>,
    query: String,
    headers: Vec<Vec<u8>>,
}

impl Carrier {
    /// As RFC 6750 section 2.1 has it.
    pub(super) fn plain(token: &str) -> Self {
        Self {
            oddity: None,
            query: String::new(),
            headers: vec![format!("authorization: Bearer {token}").into_bytes()],
        }
    }

    /// In any other way. `other` is a good token.
    pub(super) fn odd(token: &str, other: &str, rng: &mut StdRng) -> Self {
        let value = |text: String| vec![format!("authorization: {text}").into_bytes()];
        let plain = format!("authorization: Bearer {token}");
        let (oddity, query, headers) = match rng.random_range(0..16) {
            0 => {
                let scheme = ["bearer", "BEARER", "bEARER", "Bearer\u{df}"].choose(rng).copied().unwrap_or_default();
                ("the scheme in another case", String::new(), value(format!("{scheme} {token}")))
            }
            1 => ("several spaces", String::new(), value(format!("Bearer   {token}"))),
            2 => ("a tab for the space", String::new(), value(format!("Bearer\t{token}"))),
            3 => ("no space", String::new(), value(format!("Bearer{token}"))),
            4 => ("spaces around", String::new(), value(format!("  Bearer {token} \t"))),
            5 => {
                let end = [",", ";", " x", "\"", "=", "==", "~", "+", "/", "%20", " realm=\"x\""]
                    .choose(rng)
                    .copied()
                    .unwrap_or_default();
                ("something after", String::new(), value(format!("Bearer {token}{end}")))
            }
            6 => ("in quotes", String::new(), value(format!("Bearer \"{token}\""))),
            7 => ("another scheme", String::new(), {
                let scheme =
                    ["Basic", "DPoP", "Token", "Bearer:", "Bearer=", "JWT"].choose(rng).copied().unwrap_or_default();
                value(format!("{scheme} {token}"))
            }),
            8 => ("after another scheme", String::new(), value(format!("Basic dXNlcjpwYXNz, Bearer {token}"))),
            9 => ("two in one header", String::new(), {
                value(if rng.random() {
                    format!("Bearer {token}, Bearer {other}")
                } else {
                    format!("Bearer {other},{token}")
                })
            }),
            10 => ("the header twice", String::new(), {
                let mut both = [plain.into_bytes(), format!("authorization: Bearer {other}").into_bytes()];
                both.rotate_left(rng.random_range(0..2));
                both.to_vec()
            }),
            11 => ("in the query", format!("?access_token={token}"), Vec::new()),
            12 => ("in the query and the header", format!("?access_token={other}"), vec![plain.into_bytes()]),
            13 => {
                ("in a cookie", String::new(), vec![format!("cookie: access_token={token}; jwt={token}").into_bytes()])
            }
            14 => ("in another header", String::new(), {
                let name =
                    ["x-authorization", "authorisation", "proxy-authorization", "x-jwt", "x-goog-iap-jwt-assertion"];
                vec![format!("{}: Bearer {token}", name.choose(rng).copied().unwrap_or_default()).into_bytes()]
            }),
            _ => ("a byte above 0x7F", String::new(), {
                let mut line = plain.into_bytes();
                line.insert(rng.random_range(15..=line.len()), rng.random_range(0x80..=0xFF));
                vec![line]
            }),
        };
        Self { oddity: Some(oddity), query, headers }
    }

    /// The request to `path`.
    pub(super) fn request(&self, path: &str) -> Vec<u8> {
        let mut request = format!("GET {path}{} HTTP/1.1\r\nhost: api.example\r\n", self.query).into_bytes();
        for header in &self.headers {
            request.extend_from_slice(header);
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(b"\r\n");
        request
    }
}
