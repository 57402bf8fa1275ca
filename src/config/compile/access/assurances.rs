//! Assurances, and where users of each provider sign in.

use std::rc::Rc;

use super::Table;
use crate::access::assurance::{Context, is_context};
use crate::access::{Assurance, Authority};
use crate::config::ProviderConfig;
use crate::config::compile::caller::client_authentication;
use crate::config::problems::{Problems, join};
use crate::config::settings::{AssuranceSettings, ContextSettings};
use crate::http::challenge::is_quotable;
use crate::provider::{Guid, IssuerRule, KeySource, TenantId};

pub(super) fn compile(
    settings: Vec<(String, AssuranceSettings)>,
    providers: &[Option<ProviderConfig>],
    problems: &mut Problems,
) -> Table<Assurance> {
    let authorities: Rc<[_]> = providers.iter().map(|provider| authority(provider.as_ref()?).map(Rc::new)).collect();
    let mut table = Table::new("assurance");
    for (name, settings) in settings {
        let path = join("assurances", &name);
        let before = problems.len();
        let assurance = assurance(&path, settings, &authorities, problems);
        table.add(&path, name, (problems.len() == before).then_some(assurance), problems);
    }
    table
}

fn assurance(
    path: &str,
    settings: AssuranceSettings,
    authorities: &Rc<[Option<Rc<Authority>>]>,
    problems: &mut Problems,
) -> Assurance {
    let asks = settings.context.is_some()
        || settings.acr_values.is_some()
        || settings.amr.is_some()
        || settings.max_age.is_some()
        || settings.client_authentication.is_some();
    if !asks {
        problems.add(path, "asks for nothing; name what is asked for");
    }
    if settings.max_age.is_some_and(|span| span.0.is_zero()) {
        problems.add(join(path, "max_age"), "expected at least `1s`: no token is of this very moment");
    }
    let acr_values = settings.acr_values.inspect(|values| {
        let value = |text: &str| !text.is_empty() && !text.contains(' ') && is_quotable(text);
        texts(
            &join(path, "acr_values"),
            values,
            value,
            "expected printable ASCII without space, `\"` and `\\`",
            problems,
        );
    });
    let amr = settings.amr.inspect(|methods| {
        texts(&join(path, "amr"), methods, |text| !text.is_empty(), "is empty", problems);
    });
    let client_authentication = settings.client_authentication.map(|accepted| {
        if accepted.is_empty() {
            problems.add(join(path, "client_authentication"), "is empty; leave it out for any");
        }
        accepted.into_iter().map(client_authentication).collect()
    });
    Assurance {
        context: settings.context.map(|context| self::context(&join(path, "context"), context, problems)),
        acr_values: acr_values.map(Rc::from),
        amr,
        max_age: settings.max_age.map(|span| span.0),
        client_authentication,
        authorities: Rc::clone(authorities),
    }
}

fn texts(path: &str, texts: &[String], good: impl Fn(&str) -> bool, expected: &str, problems: &mut Problems) {
    if texts.is_empty() {
        problems.add(path, "is empty; leave it out for any");
    }
    for (index, text) in texts.iter().enumerate().filter(|(_, text)| !good(text)) {
        problems.add(format!("{path}[{index}]"), format!("`{}`: {expected}", text.escape_debug()));
    }
}

fn context(path: &str, settings: ContextSettings, problems: &mut Problems) -> Context {
    let mut id = |path: &str, text: String| {
        if !is_context(&text) {
            problems.add(path, format!("`{text}` is not an authentication context; expected `c1` to `c99`"));
        }
        Rc::from(text)
    };
    match settings {
        ContextSettings::Everywhere(text) => Context::Everywhere(id(path, text)),
        ContextSettings::ByTenant(tenants) => {
            let tenants: Vec<(String, Rc<str>)> =
                tenants.0.into_iter().map(|(tenant, text)| (tenant.clone(), id(&join(path, &tenant), text))).collect();
            if tenants.is_empty() {
                problems.add(path, "is empty; name a tenant and its context");
            }
            let known = |tenant: &String| TenantId::from_claim(tenant).is_some();
            for (tenant, _) in tenants.iter().filter(|(tenant, _)| !known(tenant)) {
                problems.add(join(path, tenant), "is not a tenant id; expected a GUID in lower case");
            }
            Context::ByTenant(tenants)
        }
    }
}

/// Where Entra's users sign in. B2C has no authentication contexts, and neither has any other issuer.
fn authority(provider: &ProviderConfig) -> Option<Authority> {
    provider.rules.entra.as_ref()?;
    let issuer = provider.provider.issuers().first()?;
    let tenant = match &issuer.rule {
        IssuerRule::Exact { tenant: Some(tenant), .. } => Some(tenant.to_string()),
        IssuerRule::Exact { tenant: None, .. } => return None,
        IssuerRule::Tenants { .. } => None,
    };
    let KeySource::Discovery { address, .. } = &issuer.source else { return None };
    let mut ids = provider.rules.audiences.iter().flatten().filter_map(|audience| audience.parse::<Guid>().ok());
    let client_id = match (ids.next(), ids.next()) {
        (Some(id), None) => Some(id.to_string()),
        _ => None,
    };
    Some(Authority { host: address.authority().to_owned(), tenant, client_id })
}
