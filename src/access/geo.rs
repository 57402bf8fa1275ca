//! The client's country and network operator, as a geoip filter in front of this one writes them into headers.

use std::str;

use crate::http::RequestHead;

/// The country in header `name`: ISO 3166-1 alpha-2, upper case. Nothing if it is absent, given twice or not in that form.
pub(super) fn country(head: &RequestHead, name: &str) -> Option<[u8; 2]> {
    let code = <[u8; 2]>::try_from(head.only(name).ok()??).ok()?;
    code.iter().all(u8::is_ascii_uppercase).then_some(code)
}

/// The number of the autonomous system in header `name`. Nothing if it is absent, given twice or not a number.
pub(super) fn asn(head: &RequestHead, name: &str) -> Option<u32> {
    let digits = head.only(name).ok()??;
    let plain = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    str::from_utf8(digits).ok().filter(|_| plain)?.parse().ok()
}

/// The code of a country as the configuration writes it; `None` if there is none.
#[must_use]
pub fn country_code(text: &str) -> Option<[u8; 2]> {
    let code = <[u8; 2]>::try_from(text.as_bytes()).ok()?;
    let (codes, _) = COUNTRIES.as_bytes().as_chunks::<2>();
    codes.contains(&code).then_some(code)
}

/// ISO 3166-1 alpha-2, and `XK`, which databases of addresses write for Kosovo. A code that is not here would never be met,
/// and under `not` always.
const COUNTRIES: &str = "ADAEAFAGAIALAMAOAQARASATAUAWAXAZBABBBDBEBFBGBHBIBJBLBMBNBOBQBRBSBTBVBWBYBZCACCCDCFCGCHCICKCLCM\
CNCOCRCUCVCWCXCYCZDEDJDKDMDODZECEEEGEHERESETFIFJFKFMFOFRGAGBGDGEGFGGGHGIGLGMGNGPGQGRGSGTGUGWGYHKHMHNHRHTHUIDIEILIMINIOIQ\
IRISITJEJMJOJPKEKGKHKIKMKNKPKRKWKYKZLALBLCLILKLRLSLTLULVLYMAMCMDMEMFMGMHMKMLMMMNMOMPMQMRMSMTMUMVMWMXMYMZNANCNENFNGNINLNO\
NPNRNUNZOMPAPEPFPGPHPKPLPMPNPRPSPTPWPYQARERORSRURWSASBSCSDSESGSHSISJSKSLSMSNSOSRSSSTSVSXSYSZTCTDTFTGTHTJTKTLTMTNTOTRTTTV\
TWTZUAUGUMUSUYUZVAVCVEVGVIVNVUWFWSYEYTZAZMZWXK";

#[cfg(test)]
mod tests {
    use super::*;

    fn head(fields: &[(&str, &str)]) -> RequestHead {
        let mut pairs = vec![(":method", "GET"), (":path", "/"), (":authority", "api.example"), (":scheme", "https")];
        pairs.extend(fields);
        RequestHead::read(pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect::<Vec<_>>())
            .unwrap()
    }

    #[test]
    fn a_country_is_two_letters_given_once() {
        let read = |values: &[&str]| {
            country(&head(&values.iter().map(|value| ("x-country", *value)).collect::<Vec<_>>()), "x-country")
        };
        assert_eq!(read(&["DE"]), Some(*b"DE"));
        for bad in [&[][..], &[""], &["de"], &["DEU"], &["D"], &["--"], &["DE,FR"], &["DE", "DE"], &["\u{c4}"]] {
            assert_eq!(read(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn an_operator_is_a_number_given_once() {
        let read =
            |values: &[&str]| asn(&head(&values.iter().map(|value| ("x-asn", *value)).collect::<Vec<_>>()), "x-asn");
        assert_eq!(read(&["64500"]), Some(64500));
        assert_eq!(read(&["4294967295"]), Some(u32::MAX));
        for bad in [&[][..], &[""], &["AS64500"], &["-1"], &["+1"], &["4294967296"], &["1.5"], &["1", "1"], &["1,2"]] {
            assert_eq!(read(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn the_codes_are_those_of_the_standard() {
        let (codes, rest) = COUNTRIES.as_bytes().as_chunks::<2>();
        assert_eq!((codes.len(), rest.len()), (250, 0));
        let distinct: std::collections::HashSet<_> = codes.iter().collect();
        assert_eq!(distinct.len(), codes.len());
        assert!(["DE", "US", "GB", "GR", "ZW", "XK"].iter().all(|code| country_code(code).is_some()));
        assert!(["UK", "EL", "EU", "de", "", "DEU", "XX", "ED"].iter().all(|code| country_code(code).is_none()));
    }
}
