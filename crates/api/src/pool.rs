//! Pools in JSON (contract 2.3).

mod persistence;

use evenkeel_model::pool::Algorithm;
use evenkeel_model::protocol::PoolProtocol;
use evenkeel_model::text::{Ciphers, Label, SecretRef, Tags};
use evenkeel_model::tls::{Alpn, PoolTls, TlsVersion};
use evenkeel_model::{ListenerId, LoadBalancerId, Pool, PoolId, ProjectId, Record, Violation};
use serde_json::{Value, json};

use crate::Deployment;
use crate::decode::{Patch, body};
use crate::view::{links, shown, text, texts};

pub use persistence::{PersistenceOptions, SessionPersistence, SessionPersistenceUpdate};

body! {
    /// What can be said of a pool in all ways to create one, besides how it works.
    #[derive(Default)]
    pub struct Attributes {
        /// For people.
        name: Option<Label>,
        /// For people.
        description: Option<Label>,
        /// Whether it answers. Default true; null is false.
        admin_state_up: Patch<bool>,
        /// How a client stays with its member.
        session_persistence: Option<SessionPersistence>,
        /// Whether members are spoken to over TLS. Default false.
        tls_enabled: Option<bool>,
        /// Our certificate, for members that ask for one.
        tls_container_ref: Option<SecretRef>,
        /// Who signs the members' certificates.
        ca_tls_container_ref: Option<SecretRef>,
        /// Which of those are revoked.
        crl_container_ref: Option<SecretRef>,
        /// Ciphers, as OpenSSL lists them.
        tls_ciphers: Option<Ciphers>,
        /// Versions of TLS.
        tls_versions: Option<Vec<TlsVersion>>,
        /// What ALPN can agree on.
        alpn_protocols: Option<Vec<Alpn>>,
        /// For people and their tools.
        tags: Option<Tags>,
    }
}

body! {
    /// `POST /pools`.
    pub struct Create in "pool_", "pool" {
        /// The load balancer it is part of: this or a listener must be named.
        loadbalancer_id: Option<LoadBalancerId>,
        /// The listener whose default pool it becomes.
        listener_id: Option<ListenerId>,
        /// What members speak.
        protocol: PoolProtocol,
        /// How a member is chosen.
        lb_algorithm: Algorithm,
        /// Ignored: a pool belongs to the project of its load balancer.
        project_id: Option<ProjectId>,
        /// Ignored as well.
        tenant_id: Option<ProjectId>,
    }
    with
    /// The rest.
    attributes: Attributes
}

body! {
    /// `PUT /pools/{id}`.
    #[derive(Default)]
    pub struct Update in "pool_", "pool" {
        /// For people.
        name: Patch<Label>,
        /// For people.
        description: Patch<Label>,
        /// Whether it answers; null is false.
        admin_state_up: Patch<bool>,
        /// How a member is chosen; never null.
        lb_algorithm: Patch<Algorithm>,
        /// How a client stays with its member; null is not at all.
        session_persistence: Patch<SessionPersistenceUpdate>,
        /// Whether members are spoken to over TLS; null is false.
        tls_enabled: Patch<bool>,
        /// Our certificate, for members that ask for one.
        tls_container_ref: Patch<SecretRef>,
        /// Who signs the members' certificates.
        ca_tls_container_ref: Patch<SecretRef>,
        /// Which of those are revoked.
        crl_container_ref: Patch<SecretRef>,
        /// Ciphers, as OpenSSL lists them; null is the default.
        tls_ciphers: Patch<Ciphers>,
        /// Versions of TLS; null is the default.
        tls_versions: Patch<Vec<TlsVersion>>,
        /// What ALPN can agree on.
        alpn_protocols: Patch<Vec<Alpn>>,
        /// For people and their tools; replaces them all, null leaves them.
        tags: Patch<Tags>,
    }
}

/// What a pool to be hangs on. Of both, the load balancer says to whom it belongs, and the listener
/// must be one of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parent {
    /// Only a load balancer.
    LoadBalancer(LoadBalancerId),
    /// Only a listener, whose default pool it becomes.
    Listener(ListenerId),
    /// Both of them.
    Both(LoadBalancerId, ListenerId),
}

impl Create {
    /// What it hangs on.
    ///
    /// # Errors
    ///
    /// Nothing is named.
    pub fn parent(&self) -> Result<Parent, Violation> {
        match (self.loadbalancer_id, self.listener_id) {
            (Some(load_balancer), None) => Ok(Parent::LoadBalancer(load_balancer)),
            (None, Some(listener)) => Ok(Parent::Listener(listener)),
            (Some(load_balancer), Some(listener)) => Ok(Parent::Both(load_balancer, listener)),
            (None, None) => {
                Err(Violation::rule("Must provide at least one of: loadbalancer_id, listener_id"))
            }
        }
    }

    /// The pool that is asked for, of the load balancer that its [`Self::parent`] leads to.
    ///
    /// # Errors
    ///
    /// The first rule of contract 3.5 or 3.7 that it breaks.
    pub fn into_pool(
        self,
        id: PoolId,
        load_balancer: LoadBalancerId,
        deployment: &Deployment,
    ) -> Result<Pool, Violation> {
        let works = Works { protocol: self.protocol, algorithm: self.lb_algorithm };
        self.attributes.into_pool(id, load_balancer, works, deployment)
    }
}

/// How a pool works: what every definition must say.
#[derive(Clone, Copy)]
pub(crate) struct Works {
    pub(crate) protocol: PoolProtocol,
    pub(crate) algorithm: Algorithm,
}

impl Attributes {
    pub(crate) fn into_pool(
        mut self,
        id: PoolId,
        load_balancer: LoadBalancerId,
        works: Works,
        deployment: &Deployment,
    ) -> Result<Pool, Violation> {
        let persistence = self.session_persistence.take();
        let persistence = persistence.map(|it| it.resolve(works.protocol)).transpose()?;
        Ok(Pool {
            id,
            load_balancer,
            persistence,
            tls: self.tls(deployment)?,
            name: self.name.unwrap_or_default(),
            description: self.description.unwrap_or_default(),
            admin_state_up: self.admin_state_up.or(true, false),
            protocol: works.protocol,
            algorithm: works.algorithm,
            tags: self.tags.unwrap_or_default(),
        })
    }

    fn tls(&mut self, deployment: &Deployment) -> Result<PoolTls, Violation> {
        let enabled = self.tls_enabled.unwrap_or(false);
        let mut tls = PoolTls {
            enabled,
            container: self.tls_container_ref.take(),
            ca: self.ca_tls_container_ref.take(),
            crl: self.crl_container_ref.take(),
            ciphers: self.tls_ciphers.take(),
            versions: self.tls_versions.take(),
            alpn: self.alpn_protocols.take(),
        };
        if tls.crl.is_some() && tls.ca.is_none() {
            return Err(Violation::rule(
                "A CA certificate reference is required to specify a revocation list.",
            ));
        }
        if enabled {
            // Without TLS nothing is filled in, and nothing is judged (contract 3.7).
            let default = deployment;
            let ciphers = tls.ciphers.get_or_insert_with(|| default.default_pool_ciphers.clone());
            deployment.check_ciphers(ciphers)?;
            let versions =
                tls.versions.get_or_insert_with(|| default.default_pool_tls_versions.clone());
            deployment.check_versions(versions)?;
            let alpn = tls.alpn.get_or_insert_with(|| default.default_pool_alpn_protocols.clone());
            deployment.check_alpn(alpn)?;
        }
        Ok(tls)
    }
}

impl Update {
    /// The secrets that it names.
    pub fn secrets(&self) -> Vec<&SecretRef> {
        let all = [&self.tls_container_ref, &self.ca_tls_container_ref, &self.crl_container_ref];
        all.into_iter().filter_map(Patch::as_value).collect()
    }

    /// The pool as it shall be. Can be asked again of a pool that has changed meanwhile.
    ///
    /// # Errors
    ///
    /// The first rule of contract 3.5 or 3.7 that the result breaks.
    pub fn apply(&self, stored: &Pool, deployment: &Deployment) -> Result<Pool, Violation> {
        let mut pool = stored.clone();
        self.name.onto(&mut pool.name, Label::empty());
        self.description.onto(&mut pool.description, Label::empty());
        self.admin_state_up.onto(&mut pool.admin_state_up, false);
        if self.lb_algorithm == Patch::Null {
            return Err(Violation::option("None", "lb_algorithm"));
        }
        self.lb_algorithm.onto_unless_null(&mut pool.algorithm);
        match &self.session_persistence {
            Patch::Absent => {}
            Patch::Null => pool.persistence = None,
            Patch::Value(given) => pool.persistence = given.resolve(stored)?,
        }
        self.apply_tls(&mut pool.tls, deployment)?;
        self.tags.onto_unless_null(&mut pool.tags);
        Ok(pool)
    }

    fn apply_tls(&self, tls: &mut PoolTls, deployment: &Deployment) -> Result<(), Violation> {
        self.tls_enabled.onto(&mut tls.enabled, false);
        self.tls_container_ref.onto_option(&mut tls.container);
        self.ca_tls_container_ref.onto_option(&mut tls.ca);
        self.crl_container_ref.onto_option(&mut tls.crl);
        if tls.crl.is_some() && tls.ca.is_none() {
            return Err(Violation::rule(if self.ca_tls_container_ref == Patch::Null {
                "A CA reference cannot be removed when a certificate revocation list is present."
            } else {
                "A CA reference is required to specify a certificate revocation list."
            }));
        }
        if let Patch::Value(ciphers) = &self.tls_ciphers {
            deployment.check_ciphers(ciphers)?;
        }
        if let Patch::Value(versions) = &self.tls_versions {
            deployment.check_versions(versions)?;
        }
        if let Patch::Value(alpn) = &self.alpn_protocols {
            deployment.check_alpn(alpn)?;
        }
        self.tls_ciphers.onto_or(&mut tls.ciphers, &deployment.default_pool_ciphers);
        self.tls_versions.onto_or(&mut tls.versions, &deployment.default_pool_tls_versions);
        self.alpn_protocols.onto_option(&mut tls.alpn);
        Ok(())
    }
}

/// A pool as clients see it. The key `healthmonitor_id` is missing where there is no monitor.
pub fn view(record: &Record<Pool>) -> Value {
    let it = &record.value;
    let mut own = json!({
        "name": it.name.as_str(),
        "description": it.description.as_str(),
        "admin_state_up": it.admin_state_up,
        "protocol": it.protocol.word(),
        "lb_algorithm": it.algorithm.word(),
        "session_persistence": it.persistence.as_ref().map(persistence::view),
        "tls_enabled": it.tls.enabled,
        "tls_container_ref": text(it.tls.container.as_ref()),
        "ca_tls_container_ref": text(it.tls.ca.as_ref()),
        "crl_container_ref": text(it.tls.crl.as_ref()),
        "tls_ciphers": text(it.tls.ciphers.as_ref()),
        "tls_versions": it.tls.versions.as_ref().map(texts),
        "alpn_protocols": it.tls.alpn.as_ref().map(texts),
        "loadbalancers": links([it.load_balancer]),
        "listeners": links(&record.related.listeners),
        "members": links(&record.related.members),
        "tags": texts(it.tags.iter()),
    });
    if let Some(monitor) = record.related.health_monitor {
        own["healthmonitor_id"] = json!(monitor.to_string());
    }
    shown(record, own)
}
