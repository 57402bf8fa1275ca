//! What a worker keeps between requests: the compiled configuration, keys, verified tokens, who waits.
//!
//! It is polled: after each change of time or of its input, ask [`Engine::poll`] what to fetch, feed what comes back to
//! [`Engine::handle_response`], and come again no later than [`Engine::next_timeout`] says.

use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use crate::access::Properties;
use crate::access::risk::Watch;
use crate::api_key::KeysHealth;
use crate::binding::{Entropy, Secrets};
use crate::config::{Config, Problems};
use crate::groups::{GroupsHealth, GroupsLookup, Member, Resolver};
use crate::introspection::{Introspection, IntrospectionHealth, Introspector, TokenDigest};
use crate::jose::{Algorithm, NativeVerifier};
use crate::provider::{Fetch, FetchId, Fetched, IssuerRef, KeyCache, KeyHealth, KeyLookup, KeyState, SharedData};
use crate::rate_limit::Limiter;
use crate::rate_limit::global::{Asker, GlobalHealth};
use crate::time::UnixTime;
use crate::token::VerifiedToken;
use crate::token_cache::TokenCache;

/// The few synchronous services of a host.
pub trait Host: SharedData + NativeVerifier + Properties + Entropy {}

impl<T: SharedData + NativeVerifier + Properties + Entropy> Host for T {}

/// What a callout is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// The keys of this issuer.
    Keys(IssuerRef),
    /// The groups of callers who have too many for a token.
    Groups,
    /// What a token is, of the provider at this place.
    Introspection(usize),
    /// A limit that is counted by the engine of this place.
    RateLimit(usize),
}

/// One worker's memory.
#[derive(Debug)]
pub struct Engine {
    config: Rc<Config>,
    /// By provider, then by issuer, as in the configuration.
    keys: Vec<Vec<KeyCache>>,
    groups: Option<Resolver>,
    /// By provider.
    introspectors: Vec<Option<Introspector>>,
    askers: Vec<Asker>,
    watch: Option<Watch>,
    secrets: Secrets,
    limiter: Limiter,
    tokens: TokenCache,
    waiting: u32,
    /// Of those, the ones that wait for something else than keys.
    aside: u32,
}

impl Engine {
    /// An engine for the configuration in `text`.
    ///
    /// `environment` fills in `${NAME}`; `seed` spreads the workers' timers, and need not be secret.
    ///
    /// # Errors
    /// Every fault of the document.
    pub fn load(text: &[u8], environment: &dyn Fn(&str) -> Option<String>, seed: u64) -> Result<Self, Problems> {
        Config::load(text, environment).map(|config| Self::new(config, seed))
    }

    /// An engine for a compiled configuration.
    #[must_use]
    pub fn new(config: Config, seed: u64) -> Self {
        let keys = config.key_caches(seed);
        let groups = config.resolver(seed);
        let introspectors = config.token_introspectors(seed);
        let askers = config.askers(seed);
        let watch = config.watch(seed);
        let limiter = config.limiter(seed);
        let tokens = TokenCache::new(config.limits.token_cache);
        Self {
            config: Rc::new(config),
            keys,
            groups,
            introspectors,
            askers,
            watch,
            limiter,
            secrets: Secrets::default(),
            tokens,
            waiting: 0,
            aside: 0,
        }
    }

    /// The compiled configuration.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The compiled configuration, to hold on to while the engine changes.
    #[must_use]
    pub(crate) fn config_handle(&self) -> Rc<Config> {
        Rc::clone(&self.config)
    }

    /// Fetches to start now. Ask at start, at each [`Engine::next_timeout`], after each response, and when a request begins to wait.
    #[must_use]
    pub fn poll(&mut self, now: UnixTime, shared: &mut dyn SharedData) -> Vec<(Purpose, Fetch)> {
        self.limiter.poll(shared, now);
        let mut fetches = Vec::new();
        for (provider, issuers) in self.keys.iter_mut().enumerate() {
            for (issuer, keys) in issuers.iter_mut().enumerate() {
                let purpose = Purpose::Keys(IssuerRef { provider, issuer });
                fetches.extend(keys.poll(now, shared).map(|fetch| (purpose, fetch)));
            }
        }
        if let Some(groups) = &mut self.groups {
            fetches.extend(std::iter::from_fn(|| groups.poll(now)).map(|fetch| (Purpose::Groups, fetch)));
        }
        for (provider, introspector) in self.introspectors.iter_mut().enumerate() {
            let Some(introspector) = introspector else { continue };
            let due = std::iter::from_fn(|| introspector.poll(now));
            fetches.extend(due.map(|fetch| (Purpose::Introspection(provider), fetch)));
        }
        for (place, asker) in self.askers.iter_mut().enumerate() {
            let calls = std::iter::from_fn(|| asker.poll(now));
            fetches.extend(calls.map(|fetch| (Purpose::RateLimit(place), fetch)));
        }
        fetches
    }

    /// Takes what came back of the fetch `id` that [`Engine::poll`] asked for.
    pub fn handle_response(
        &mut self,
        purpose: Purpose,
        now: UnixTime,
        shared: &mut dyn SharedData,
        id: FetchId,
        fetched: Fetched,
    ) {
        match purpose {
            Purpose::Keys(issuer) => {
                if let Some(keys) = self.keys_of(issuer) {
                    keys.handle_response(now, shared, id, fetched);
                }
            }
            Purpose::Groups => {
                if let Some(groups) = &mut self.groups {
                    groups.handle_response(now, id, fetched);
                }
            }
            Purpose::Introspection(provider) => {
                if let Some(introspector) = self.introspector(provider) {
                    introspector.handle_response(now, id, fetched);
                }
            }
            Purpose::RateLimit(place) => {
                if let Some(asker) = self.askers.get_mut(place) {
                    asker.handle_response(now, id, fetched);
                }
            }
        }
    }

    /// When to poll next, if time alone can bring anything.
    #[must_use]
    pub fn next_timeout(&self) -> Option<UnixTime> {
        let groups = self.groups.as_ref().and_then(Resolver::next_timeout);
        let tokens = self.introspectors.iter().flatten().filter_map(Introspector::next_timeout);
        let askers = self.askers.iter().filter_map(Asker::next_timeout);
        let others = groups.into_iter().chain(tokens).chain(askers);
        self.keys.iter().flatten().filter_map(KeyCache::next_timeout).chain(others).min()
    }

    /// State, age and size of the keys of each issuer, with the name they have in metrics.
    pub fn key_health(&self, now: UnixTime) -> impl Iterator<Item = (&str, KeyHealth)> {
        self.keys.iter().flatten().map(move |keys| (keys.id(), keys.health(now)))
    }

    /// Is there an issuer whose tokens can't be checked because it has no keys?
    #[must_use]
    pub fn lacks_keys(&self, now: UnixTime) -> bool {
        let lacking = |state| matches!(state, KeyState::Empty | KeyState::Fetching | KeyState::Expired);
        self.keys.iter().flatten().any(|keys| lacking(keys.health(now).state))
    }

    /// What is known of groups that were asked for; `None` if that is not configured.
    #[must_use]
    pub fn groups_health(&self) -> Option<GroupsHealth> {
        self.groups.as_ref().map(Resolver::health)
    }

    /// How the API keys stand; `None` if there are none.
    #[must_use]
    pub fn api_keys_health(&self, now: UnixTime) -> Option<KeysHealth> {
        self.config.api_keys.as_ref().map(|keys| keys.health(now))
    }

    /// What is known of opaque tokens, for each provider that is asked about them, by its name.
    pub fn introspection_health(&self) -> impl Iterator<Item = (&str, IntrospectionHealth)> {
        self.introspectors.iter().enumerate().filter_map(|(provider, introspector)| {
            Some((self.config.provider_name(provider), introspector.as_ref()?.health()))
        })
    }

    /// How the engines that count limits do.
    pub fn global_limits_health(&self) -> impl Iterator<Item = GlobalHealth<'_>> {
        self.askers.iter().map(Asker::health)
    }

    /// Clusters and limits of which the engine there has said nothing so far but that requests may go on, each once.
    pub fn unlimited_elsewhere(&mut self) -> impl Iterator<Item = (&str, Rc<str>)> {
        self.askers.iter_mut().flat_map(|asker| {
            let limits = asker.take_unlimited();
            let cluster = asker.cluster();
            limits.into_iter().map(move |limit| (cluster, limit))
        })
    }

    /// Entries and bytes of the verified tokens.
    #[must_use]
    pub fn remembered_tokens(&self) -> (usize, usize) {
        (self.tokens.len(), self.tokens.bytes())
    }

    /// Of the requests that wait, those that wait for something else than keys.
    #[must_use]
    pub fn aside(&self) -> u32 {
        self.aside
    }

    /// Requests that wait.
    #[must_use]
    pub fn waiting(&self) -> u32 {
        self.waiting
    }

    pub(crate) fn key(&mut self, issuer: IssuerRef, kid: Option<&str>, alg: Algorithm, now: UnixTime) -> KeyLookup {
        match self.keys_of(issuer) {
            Some(keys) => keys.lookup(now, kid, alg),
            None => KeyLookup::Unavailable { retry_after: Duration::from_secs(1) },
        }
    }

    /// Whose groups would be asked for on behalf of this token; `None` if they can't be.
    pub(crate) fn member(&self, token: &VerifiedToken) -> Option<Member> {
        let settings = self.groups.as_ref()?.settings();
        if token.issuer().provider == settings.provider { Member::of(token, &settings.tenant) } else { None }
    }

    pub(crate) fn groups(&mut self, member: &Member, now: UnixTime) -> GroupsLookup {
        self.groups.as_mut().map_or(GroupsLookup::Unresolvable, |groups| groups.lookup(now, member))
    }

    /// What a token is by the word of the authorization server of the provider at this place; `from` finds the client's
    /// address if it has to be asked.
    pub(crate) fn introspect(
        &mut self,
        provider: usize,
        digest: TokenDigest,
        token: &[u8],
        from: impl FnOnce() -> Option<IpAddr>,
        now: UnixTime,
    ) -> Introspection {
        match self.introspector(provider) {
            Some(introspector) => introspector.lookup(now, digest, token, from),
            None => Introspection::Unavailable { retry_after: Duration::from_secs(1) },
        }
    }

    /// Is a provider's authorization server being asked about this token?
    pub(crate) fn is_introspecting(&mut self, provider: usize, digest: &TokenDigest) -> bool {
        self.introspector(provider).is_some_and(|introspector| introspector.is_pending(digest))
    }

    /// A token that was verified before, if its key still stands and its time has not run out.
    pub(crate) fn remembered(&mut self, text: &[u8], now: UnixTime) -> Option<Rc<VerifiedToken>> {
        let token = self.tokens.get(text)?;
        let thumbprint = token.key_thumbprint();
        let keys = self.keys_of(token.issuer());
        let stands = keys.zip(thumbprint).is_some_and(|(keys, thumbprint)| keys.contains_thumbprint(now, thumbprint));
        if stands && now < token.expires() {
            return Some(token);
        }
        self.tokens.remove(text);
        None
    }

    pub(crate) fn remember(&mut self, text: &[u8], token: &Rc<VerifiedToken>) {
        self.tokens.insert(text, Rc::clone(token));
    }

    /// Who asks the engine of this place.
    pub(crate) fn asker(&mut self, place: usize) -> Option<&mut Asker> {
        self.askers.get_mut(place)
    }

    pub(crate) fn watch(&mut self) -> Option<&mut Watch> {
        self.watch.as_mut()
    }

    pub(crate) fn secrets(&mut self) -> &mut Secrets {
        &mut self.secrets
    }

    pub(crate) fn limiter(&mut self) -> &mut Limiter {
        &mut self.limiter
    }

    /// Takes over from `former`, whose configuration this one replaces in the same worker.
    pub fn succeed(&mut self, former: &mut Self) {
        self.limiter.succeed(&mut former.limiter);
    }

    /// What limits forgot, and counted together, for want of memory; see [`Limiter::wanting`].
    #[must_use]
    pub fn limits_wanting(&self) -> (u64, u64) {
        self.limiter.wanting()
    }

    pub(crate) fn enter_waiting_room(&mut self) -> bool {
        let room = self.waiting < self.config.limits.waiting_requests;
        if room {
            self.waiting = self.waiting.saturating_add(1);
        }
        room
    }

    /// The same for a request that waits for its groups, for what its token is, or because of its risk: those take half of the room at most, so that
    /// one caller with many of them keeps nobody from waiting for keys.
    pub(crate) fn enter_side_room(&mut self) -> bool {
        let room = self.aside < self.config.limits.waiting_requests / 2 && self.enter_waiting_room();
        if room {
            self.aside = self.aside.saturating_add(1);
        }
        room
    }

    pub(crate) fn leave_waiting_room(&mut self) {
        self.waiting = self.waiting.saturating_sub(1);
    }

    pub(crate) fn leave_side_room(&mut self) {
        self.aside = self.aside.saturating_sub(1);
        self.leave_waiting_room();
    }

    fn introspector(&mut self, provider: usize) -> Option<&mut Introspector> {
        self.introspectors.get_mut(provider)?.as_mut()
    }

    fn keys_of(&mut self, issuer: IssuerRef) -> Option<&mut KeyCache> {
        self.keys.get_mut(issuer.provider)?.get_mut(issuer.issuer)
    }
}
