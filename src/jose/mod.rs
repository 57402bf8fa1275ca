//! JOSE, as much of it as a verifier of access tokens needs, and nothing else: no clock, no configuration, no HTTP.
//!
//! The walk: [`Unverified::parse`] reads a token, [`KeySet::select`] finds the one key for it, [`Unverified::verify`]
//! checks the signature and makes [`SignedClaims`]. Whether the claims are for us, now, is decided elsewhere.
//!
//! | document | supported | refused |
//! |---|---|---|
//! | RFC 7515 JWS | compact serialisation (3.1, 7.1), `alg`, `kid`, `typ` | JSON serialisations (7.2), `crit` (4.1.11), `jku`, `x5u`, `x5c` (4.1.2, 4.1.5, 4.1.6), `jwk` (4.1.3) but in a proof of possession; `x5t` and `x5t#S256` are ignored |
//! | RFC 7516 JWE | nothing | a token of five parts |
//! | RFC 7517 JWK, JWK Set | `kty` RSA, EC, OKP, `use` (4.2), `key_ops` (4.3), `alg` (4.4), `kid` (4.5); `oct` from the configuration only | private members, another `use`, two keys of one `kid` and algorithm; `x5c` and its kin (4.6 to 4.9) are ignored |
//! | RFC 7518 JWA | RS, PS, ES and HS with 256, 384 and 512 (3.1) | `none` (3.6), all encryption; RSA below 2048 (3.3) or above 4096 bits, secrets shorter than the hash (3.2) |
//! | RFC 7519 JWT | an object of claims, NumericDate (2), `aud` (4.1.3) | members twice (4), nested tokens (5.2) |
//! | RFC 7638 thumbprint | SHA-256 | |
//! | RFC 7797 unencoded payload | nothing | `b64` |
//! | RFC 8037 EdDSA | Ed25519 | Ed448, points of small order |
//! | RFC 8725 best practice | sections 3.1 to 3.4, 3.7 and 3.10 here; 3.8, 3.9 and 3.11 by the rules for tokens | |
//! | RFC 9864 names | `Ed25519` as another name of `EdDSA` | |

pub mod algorithm;
pub mod base64url;
pub mod claims;
pub mod header;
pub mod json;
pub mod jwk;
pub mod jwks;
pub mod jws;
#[cfg(test)]
pub(crate) mod testing;
pub mod verify;

pub use self::algorithm::{Algorithm, AlgorithmSet, Hash};
pub use self::claims::{Claim, Claims, SignedClaims, numeric_date};
pub use self::header::{Header, HeaderFlaw};
pub use self::json::{JsonFlaw, JsonLimits};
pub use self::jwk::{KeyFlaw, KeyOrigin, VerificationKey};
pub use self::jwks::{KeySet, KeySetFlaw, KeySetLimits, SelectFlaw, Skipped};
pub use self::jws::{TokenFlaw, TokenLimits, Unverified};
pub use self::verify::{NativeVerifier, SignatureFlaw, SignaturePolicy};
