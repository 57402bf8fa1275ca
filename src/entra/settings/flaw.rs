//! What can be wrong with the settings of an Entra provider.

use std::fmt;

/// Why the settings of an Entra provider were refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingsFlaw {
    /// B2C has no keys by application.
    AppIdWithB2c,
    /// External ID or B2C in a cloud that does not have them.
    CloudWithoutCustomers,
    /// External ID or B2C with tokens of version 1 alone.
    CustomersVersionOne,
    /// The directory's name is not the first part of a host name.
    Name,
    /// The list of tenants is empty.
    NoTenant,
    /// Personal accounts with tokens of version 1 alone.
    PersonalAccountsVersionOne,
    /// The policy's name has characters or a length that such names do not have.
    Policy,
}

impl SettingsFlaw {
    /// A stable code for records and counters.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::AppIdWithB2c => "entra_app_id_with_b2c",
            Self::CloudWithoutCustomers => "entra_cloud_without_customers",
            Self::CustomersVersionOne => "entra_customers_version_one",
            Self::Name => "entra_name",
            Self::NoTenant => "entra_no_tenant",
            Self::PersonalAccountsVersionOne => "entra_personal_accounts_version_one",
            Self::Policy => "entra_policy",
        }
    }
}

impl fmt::Display for SettingsFlaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AppIdWithB2c => "`app_id` has no meaning for `b2c`",
            Self::CloudWithoutCustomers => "`external_id` and `b2c` exist in the cloud `global` only",
            Self::CustomersVersionOne => "`external_id` and `b2c` issue tokens of `v2` only",
            Self::Name => "a directory's name is 1 to 63 of a-z, 0-9 and `-`, as in `contoso` of contoso.ciamlogin.com",
            Self::NoTenant => "`tenants` must name a tenant, or be `any`",
            Self::PersonalAccountsVersionOne => "personal accounts have tokens of `v2` only",
            Self::Policy => "a policy's name is 1 to 128 of letters, digits, `_` and `-`",
        })
    }
}

impl std::error::Error for SettingsFlaw {}
