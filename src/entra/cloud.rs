//! Microsoft's clouds, each with hosts and names of its own.

/// A cloud of Microsoft: its tenants, hosts and keys are its own.
///
/// Not here: Germany, closed in 2021, and the newer sovereign clouds, whose issuers Microsoft has not published. Those can
/// be configured as plain issuers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Cloud {
    /// Microsoft Azure operated by 21Vianet.
    China,
    /// The public one.
    #[default]
    Global,
    /// Microsoft Azure Government.
    UsGovernment,
}

impl Cloud {
    /// The word in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::China => "china",
            Self::Global => "global",
            Self::UsGovernment => "us_government",
        }
    }

    /// From the word in the configuration.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::China, Self::Global, Self::UsGovernment].into_iter().find(|cloud| cloud.name() == name)
    }

    /// The host of sign-in: of discovery documents, keys and issuers of version 2.
    #[must_use]
    pub const fn login_host(self) -> &'static str {
        match self {
            Self::China => "login.partner.microsoftonline.cn",
            Self::Global => "login.microsoftonline.com",
            Self::UsGovernment => "login.microsoftonline.us",
        }
    }

    /// The host of Microsoft Graph ("National cloud deployments"). US Government has two; the other one, of the Department of
    /// Defense, is not told apart by anything else.
    #[must_use]
    pub const fn graph_host(self) -> &'static str {
        match self {
            Self::China => "microsoftgraph.chinacloudapi.cn",
            Self::Global => "graph.microsoft.com",
            Self::UsGovernment => "graph.microsoft.us",
        }
    }

    /// The host in issuers of version 1. US Government is said to share the public one; should its metadata say otherwise,
    /// discovery of version 1 fails there and says so, and nothing is let in.
    #[must_use]
    pub const fn sts_host(self) -> &'static str {
        match self {
            Self::China => "sts.chinacloudapi.cn",
            Self::Global | Self::UsGovernment => "sts.windows.net",
        }
    }

    /// What keys and metadata of this cloud call it.
    ///
    /// Not idle: the public key set also lists keys of US Government, under the public issuer.
    #[must_use]
    pub const fn instance_name(self) -> &'static str {
        match self {
            Self::China => "partner.microsoftonline.cn",
            Self::Global => "microsoftonline.com",
            Self::UsGovernment => "microsoftonline.us",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cloud_has_its_word_and_no_other() {
        for cloud in [Cloud::China, Cloud::Global, Cloud::UsGovernment] {
            assert_eq!(Cloud::from_name(cloud.name()), Some(cloud));
        }
        for other in ["", "Global", "germany", "usgov"] {
            assert_eq!(Cloud::from_name(other), None);
        }
    }
}
