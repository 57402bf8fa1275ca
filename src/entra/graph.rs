//! Tokens for Microsoft Graph, which come to the wrong address often enough to deserve a reason of their own.
//!
//! They are not ours: their audience is Graph, and a `nonce` in the header means that the signature covers other bytes than
//! the ones sent, so it can only be found wrong here. Without this check the reason would be "bad signature", and people
//! would look for the fault in keys.

use std::fmt;

/// Was the token made for somebody else whom we know?
///
/// # Errors
///
/// [`GraphFlaw`] if it was. The audience is the better reason, so it is looked at first.
pub fn check(audiences: &[&str], has_nonce: bool) -> Result<(), GraphFlaw> {
    if audiences.iter().any(|audience| is_graph(audience)) {
        return Err(GraphFlaw::Audience);
    }
    if has_nonce { Err(GraphFlaw::Nonce) } else { Ok(()) }
}

/// A token that Microsoft issued for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GraphFlaw {
    /// Its audience is Microsoft Graph or Azure AD Graph.
    Audience,
    /// Its header has a `nonce`, which only Microsoft's own services can resolve.
    Nonce,
}

impl GraphFlaw {
    /// A stable code for records and counters.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Audience => "token_for_graph",
            Self::Nonce => "token_for_microsoft",
        }
    }
}

impl fmt::Display for GraphFlaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Audience => "the token is for Microsoft Graph; the client must ask for a scope of this API",
            Self::Nonce => {
                "the token is for a service of Microsoft (`nonce` in its header); the client must ask for a scope of this API"
            }
        })
    }
}

impl std::error::Error for GraphFlaw {}

/// In every spelling that has been seen: by id or by address, with and without a slash at the end, in any case.
fn is_graph(audience: &str) -> bool {
    let name = audience.trim_end_matches('/');
    let host = match name.split_once("://") {
        Some((scheme, host)) if scheme.eq_ignore_ascii_case("https") => host,
        _ => name,
    };
    GRAPH.iter().any(|graph| host.eq_ignore_ascii_case(graph))
}

/// Microsoft Graph and the older Azure AD Graph: application ids, then hosts by cloud ("Microsoft Graph: national cloud
/// deployments").
const GRAPH: &[&str] = &[
    "00000003-0000-0000-c000-000000000000",
    "00000002-0000-0000-c000-000000000000",
    "graph.microsoft.com",
    "graph.microsoft.us",
    "dod-graph.microsoft.us",
    "microsoftgraph.chinacloudapi.cn",
    "graph.windows.net",
    "graph.microsoftazure.us",
    "graph.chinacloudapi.cn",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_for_graph_is_named_as_such() {
        for audience in [
            "00000003-0000-0000-c000-000000000000",
            "00000003-0000-0000-C000-000000000000",
            "https://graph.microsoft.com",
            "https://graph.microsoft.com/",
            "HTTPS://Graph.Microsoft.com",
            "https://graph.microsoft.us",
            "https://dod-graph.microsoft.us/",
            "https://microsoftgraph.chinacloudapi.cn",
            "https://graph.windows.net/",
        ] {
            assert_eq!(check(&["api://other", audience], false), Err(GraphFlaw::Audience), "{audience}");
            assert_eq!(check(&[audience], true), Err(GraphFlaw::Audience), "{audience}");
        }
    }

    #[test]
    fn a_nonce_in_the_header_is_the_mark_of_a_token_for_microsoft() {
        assert_eq!(check(&["api://orders"], true), Err(GraphFlaw::Nonce));
        assert_eq!(check(&[], true), Err(GraphFlaw::Nonce));
    }

    #[test]
    fn a_token_for_us_is_not_taken_for_one_for_graph() {
        for audience in
            ["api://orders", "https://graph.microsoft.com.example", "https://x/graph.microsoft.com", "", "///"]
        {
            assert_eq!(check(&[audience], false), Ok(()), "{audience}");
        }
    }
}
