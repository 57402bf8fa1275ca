//! Public keys in PEM (RFC 7468 section 13), by label and then by the algorithm inside. The text is the operator's, so
//! the form is strict: one key, nothing else in the text.

use rsa::pkcs1::RsaPublicKeyRef;
use rsa::pkcs8::der::asn1::ObjectIdentifier;
use rsa::pkcs8::der::{Decode as _, pem};
use rsa::pkcs8::spki::SubjectPublicKeyInfoRef;

use super::{EcKey, Ed25519Key, KeyFlaw, Material, RsaKey};

pub(super) fn read(text: &str) -> Result<Material, KeyFlaw> {
    let (label, der) = pem::decode_vec(text.trim().as_bytes()).map_err(|_| KeyFlaw::Pem)?;
    match label {
        "PUBLIC KEY" => spki(&der),
        "RSA PUBLIC KEY" => rsa(&der),
        "CERTIFICATE" => Err(KeyFlaw::Certificate),
        "PRIVATE KEY" | "ENCRYPTED PRIVATE KEY" | "RSA PRIVATE KEY" | "EC PRIVATE KEY" => Err(KeyFlaw::PrivateKey),
        _ => Err(KeyFlaw::Pem),
    }
}

pub(super) fn spki(der: &[u8]) -> Result<Material, KeyFlaw> {
    let spki = SubjectPublicKeyInfoRef::from_der(der).map_err(|_| KeyFlaw::Pem)?;
    let key = spki.subject_public_key.as_bytes().ok_or(KeyFlaw::Pem)?;
    match (spki.algorithm.oid, spki.algorithm.parameters_oid().ok()) {
        (RSA_ENCRYPTION, _) => rsa(key),
        (EC_PUBLIC_KEY, Some(P256)) => EcKey::p256(key).map(Material::Ec),
        (EC_PUBLIC_KEY, Some(P384)) => EcKey::p384(key).map(Material::Ec),
        (EC_PUBLIC_KEY, Some(P521)) => EcKey::p521(key).map(Material::Ec),
        (EC_PUBLIC_KEY, _) => Err(KeyFlaw::UnsupportedCurve),
        (ED25519, None) => {
            let key = key.try_into().map_err(|_| KeyFlaw::CoordinateLength)?;
            Ed25519Key::from_bytes(key).map(Material::Ed25519)
        }
        _ => Err(KeyFlaw::UnsupportedType),
    }
}

fn rsa(der: &[u8]) -> Result<Material, KeyFlaw> {
    let key = RsaPublicKeyRef::from_der(der).map_err(|_| KeyFlaw::Pem)?;
    RsaKey::from_components(key.modulus.as_bytes(), key.public_exponent.as_bytes()).map(Material::Rsa)
}

const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
