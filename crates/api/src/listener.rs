//! Listeners in JSON (contract 2.2).

mod rules;

use std::collections::BTreeMap;

use evenkeel_model::listener::Timeouts;
use evenkeel_model::number::{ConnectionLimit, Milliseconds, PortNumber};
use evenkeel_model::protocol::ListenerProtocol;
use evenkeel_model::text::{Ciphers, Label, SecretRef, Tags};
use evenkeel_model::tls::{Alpn, ClientAuthentication, ListenerTls, TlsVersion};
use evenkeel_model::{Listener, ListenerId, LoadBalancerId, PoolId, ProjectId, Record, Violation};
use ipnet::IpNet;
use serde_json::{Value, json};

use crate::Deployment;
use crate::decode::{Patch, body};
use crate::view::{links, shown, text, texts};

use rules::Moment;
pub use rules::check_cidrs;

body! {
    /// What can be said of a listener in all ways to create one.
    pub struct Attributes {
        /// For people.
        name: Option<Label>,
        /// For people.
        description: Option<Label>,
        /// Whether its port is open. Default true; null is false.
        admin_state_up: Patch<bool>,
        /// What clients speak.
        protocol: ListenerProtocol,
        /// The port it listens on.
        protocol_port: PortNumber,
        /// How many connections at once; -1 is unlimited, the default.
        connection_limit: Patch<ConnectionLimit>,
        /// The pool that gets what no L7 policy takes.
        default_pool_id: Option<PoolId>,
        /// Headers that members get.
        insert_headers: Option<BTreeMap<String, String>>,
        /// Milliseconds that a client may be silent.
        timeout_client_data: Option<Milliseconds>,
        /// Milliseconds until a member takes a connection.
        timeout_member_connect: Option<Milliseconds>,
        /// Milliseconds that a member may be silent.
        timeout_member_data: Option<Milliseconds>,
        /// Milliseconds to wait for more bytes of a TCP connection.
        timeout_tcp_inspect: Option<Milliseconds>,
        /// The certificate for clients that name no host, or an unknown one.
        default_tls_container_ref: Option<SecretRef>,
        /// Certificates chosen by server name.
        sni_container_refs: Option<Vec<SecretRef>>,
        /// Whether clients show certificates. Default NONE.
        client_authentication: Patch<ClientAuthentication>,
        /// Who signs the clients' certificates.
        client_ca_tls_container_ref: Option<SecretRef>,
        /// Which of those are revoked.
        client_crl_container_ref: Option<SecretRef>,
        /// Who may connect; anybody, if empty.
        allowed_cidrs: Option<Vec<IpNet>>,
        /// Ciphers, as OpenSSL lists them.
        tls_ciphers: Option<Ciphers>,
        /// Versions of TLS.
        tls_versions: Option<Vec<TlsVersion>>,
        /// What ALPN can agree on.
        alpn_protocols: Option<Vec<Alpn>>,
        /// Seconds for which clients shall use TLS only.
        hsts_max_age: Option<u32>,
        /// Whether that holds for subdomains.
        hsts_include_subdomains: Option<bool>,
        /// Whether browsers may know beforehand.
        hsts_preload: Option<bool>,
        /// For people and their tools.
        tags: Option<Tags>,
    }
}

body! {
    /// `POST /listeners`.
    pub struct Create in "listener_", "listener" {
        /// The load balancer on whose VIP it listens.
        loadbalancer_id: LoadBalancerId,
        /// Ignored: a listener belongs to the project of its load balancer.
        project_id: Option<ProjectId>,
        /// Ignored as well.
        tenant_id: Option<ProjectId>,
    }
    with
    /// The rest.
    attributes: Attributes
}

body! {
    /// `PUT /listeners/{id}`.
    #[derive(Default)]
    pub struct Update in "listener_", "listener" {
        /// For people.
        name: Patch<Label>,
        /// For people.
        description: Patch<Label>,
        /// Whether its port is open; null is false.
        admin_state_up: Patch<bool>,
        /// How many connections at once; null is unlimited.
        connection_limit: Patch<ConnectionLimit>,
        /// The pool that gets what no L7 policy takes; null detaches it.
        default_pool_id: Patch<PoolId>,
        /// Headers that members get; null is none.
        insert_headers: Patch<BTreeMap<String, String>>,
        /// Milliseconds that a client may be silent; null is the default.
        timeout_client_data: Patch<Milliseconds>,
        /// Milliseconds until a member takes a connection; null is the default.
        timeout_member_connect: Patch<Milliseconds>,
        /// Milliseconds that a member may be silent; null is the default.
        timeout_member_data: Patch<Milliseconds>,
        /// Milliseconds to wait for more bytes of a TCP connection; null is the default.
        timeout_tcp_inspect: Patch<Milliseconds>,
        /// The certificate for clients that name no host, or an unknown one.
        default_tls_container_ref: Patch<SecretRef>,
        /// Certificates chosen by server name.
        sni_container_refs: Patch<Vec<SecretRef>>,
        /// Whether clients show certificates; null is NONE, and needs a client CA.
        client_authentication: Patch<ClientAuthentication>,
        /// Who signs the clients' certificates.
        client_ca_tls_container_ref: Patch<SecretRef>,
        /// Which of those are revoked.
        client_crl_container_ref: Patch<SecretRef>,
        /// Who may connect; null is anybody.
        allowed_cidrs: Patch<Vec<IpNet>>,
        /// Ciphers, as OpenSSL lists them; null is the default.
        tls_ciphers: Patch<Ciphers>,
        /// Versions of TLS; null is the default.
        tls_versions: Patch<Vec<TlsVersion>>,
        /// What ALPN can agree on; null is the default.
        alpn_protocols: Patch<Vec<Alpn>>,
        /// Seconds for which clients shall use TLS only.
        hsts_max_age: Patch<u32>,
        /// Whether that holds for subdomains; null is false.
        hsts_include_subdomains: Patch<bool>,
        /// Whether browsers may know beforehand; null is false.
        hsts_preload: Patch<bool>,
        /// For people and their tools; replaces them all, null leaves them.
        tags: Patch<Tags>,
    }
}

impl Create {
    /// The listener that is asked for.
    ///
    /// # Errors
    ///
    /// The first rule of contract 3.7 or 3.8 that it breaks. Whether its CIDRs fit the VIP is
    /// [`check_cidrs`]; pools and ports are the store's to judge.
    pub fn into_listener(
        self,
        id: ListenerId,
        deployment: &Deployment,
    ) -> Result<Listener, Violation> {
        self.attributes.into_listener(id, self.loadbalancer_id, deployment)
    }
}

impl Attributes {
    pub(crate) fn into_listener(
        mut self,
        id: ListenerId,
        load_balancer: LoadBalancerId,
        deployment: &Deployment,
    ) -> Result<Listener, Violation> {
        let headers = self.insert_headers.take().unwrap_or_default();
        let tls = self.tls(deployment)?;
        let listener = Listener {
            id,
            load_balancer,
            insert_headers: rules::headers(&headers, self.protocol, Moment::Create)?,
            timeouts: self.timeouts(deployment),
            tls,
            name: self.name.unwrap_or_default(),
            description: self.description.unwrap_or_default(),
            admin_state_up: self.admin_state_up.or(true, false),
            protocol: self.protocol,
            protocol_port: self.protocol_port,
            connection_limit: match self.connection_limit {
                Patch::Absent => Some(ConnectionLimit::Unlimited),
                Patch::Null => None,
                Patch::Value(limit) => Some(limit),
            },
            default_pool: self.default_pool_id,
            allowed_cidrs: rules::each_once(self.allowed_cidrs.unwrap_or_default()),
            tags: self.tags.unwrap_or_default(),
        };
        rules::check(&listener, deployment, Moment::Create)?;
        Ok(listener)
    }

    fn timeouts(&self, deployment: &Deployment) -> Timeouts {
        let default = deployment.timeouts;
        Timeouts {
            client_data: self.timeout_client_data.unwrap_or(default.client_data),
            member_connect: self.timeout_member_connect.unwrap_or(default.member_connect),
            member_data: self.timeout_member_data.unwrap_or(default.member_data),
            tcp_inspect: self.timeout_tcp_inspect.unwrap_or(default.tcp_inspect),
        }
    }

    fn tls(&mut self, deployment: &Deployment) -> Result<ListenerTls, Violation> {
        if self.client_authentication == Patch::Null {
            return Err(Violation::option("None", "client_authentication"));
        }
        // Only a protocol that ends TLS has defaults for it.
        let ends_tls = self.protocol == ListenerProtocol::TerminatedHttps;
        let default = ends_tls.then_some(deployment);
        Ok(ListenerTls {
            default_container: self.default_tls_container_ref.take(),
            sni_containers: self.sni_container_refs.take().unwrap_or_default(),
            client_authentication: std::mem::take(&mut self.client_authentication)
                .or(ClientAuthentication::None, ClientAuthentication::None),
            client_ca: self.client_ca_tls_container_ref.take(),
            client_crl: self.client_crl_container_ref.take(),
            ciphers: self
                .tls_ciphers
                .take()
                .or_else(|| default.map(|it| it.default_listener_ciphers.clone())),
            versions: self
                .tls_versions
                .take()
                .or_else(|| default.map(|it| it.default_listener_tls_versions.clone())),
            alpn: self
                .alpn_protocols
                .take()
                .or_else(|| default.map(|it| it.default_listener_alpn_protocols.clone())),
            hsts_max_age: self.hsts_max_age,
            hsts_include_subdomains: self.hsts_include_subdomains.unwrap_or(false),
            hsts_preload: self.hsts_preload.unwrap_or(false),
        })
    }
}

impl Update {
    /// The secrets that it names.
    pub fn secrets(&self) -> Vec<&SecretRef> {
        let single = [
            &self.default_tls_container_ref,
            &self.client_ca_tls_container_ref,
            &self.client_crl_container_ref,
        ];
        let several = self.sni_container_refs.as_value().into_iter().flatten();
        single.into_iter().filter_map(Patch::as_value).chain(several).collect()
    }

    /// The listener as it shall be. Can be asked again of a listener that has changed meanwhile.
    ///
    /// # Errors
    ///
    /// The first rule of contract 3.7 or 3.8 that the result breaks.
    pub fn apply(&self, stored: &Listener, deployment: &Deployment) -> Result<Listener, Violation> {
        let mut listener = stored.clone();
        self.name.onto(&mut listener.name, Label::empty());
        self.description.onto(&mut listener.description, Label::empty());
        self.admin_state_up.onto(&mut listener.admin_state_up, false);
        match self.connection_limit {
            Patch::Absent => {}
            Patch::Null => listener.connection_limit = Some(ConnectionLimit::Unlimited),
            Patch::Value(limit) => listener.connection_limit = Some(limit),
        }
        self.default_pool_id.onto_option(&mut listener.default_pool);
        match &self.insert_headers {
            Patch::Absent => {}
            Patch::Null => listener.insert_headers.clear(),
            Patch::Value(given) => {
                listener.insert_headers = rules::headers(given, listener.protocol, Moment::Update)?;
            }
        }
        self.apply_timeouts(&mut listener.timeouts, &deployment.timeouts);
        self.apply_tls(&mut listener.tls, deployment)?;
        self.allowed_cidrs.onto(&mut listener.allowed_cidrs, Vec::new());
        listener.allowed_cidrs = rules::each_once(listener.allowed_cidrs);
        self.tags.onto_unless_null(&mut listener.tags);
        rules::check(&listener, deployment, Moment::Update)?;
        Ok(listener)
    }

    fn apply_timeouts(&self, stored: &mut Timeouts, default: &Timeouts) {
        self.timeout_client_data.onto(&mut stored.client_data, default.client_data);
        self.timeout_member_connect.onto(&mut stored.member_connect, default.member_connect);
        self.timeout_member_data.onto(&mut stored.member_data, default.member_data);
        self.timeout_tcp_inspect.onto(&mut stored.tcp_inspect, default.tcp_inspect);
    }

    fn apply_tls(&self, tls: &mut ListenerTls, deployment: &Deployment) -> Result<(), Violation> {
        self.default_tls_container_ref.onto_option(&mut tls.default_container);
        self.sni_container_refs.onto(&mut tls.sni_containers, Vec::new());
        if self.client_authentication == Patch::Null && tls.client_ca.is_none() {
            return Err(Violation::option("None", "client_authentication"));
        }
        self.client_authentication.onto(&mut tls.client_authentication, ClientAuthentication::None);
        self.client_ca_tls_container_ref.onto_option(&mut tls.client_ca);
        self.client_crl_container_ref.onto_option(&mut tls.client_crl);
        // What is said is judged whatever the protocol (contract 3.7).
        if let Patch::Value(ciphers) = &self.tls_ciphers {
            deployment.check_ciphers(ciphers)?;
        }
        if let Patch::Value(versions) = &self.tls_versions {
            deployment.check_versions(versions)?;
        }
        if let Patch::Value(alpn) = &self.alpn_protocols {
            deployment.check_alpn(alpn)?;
        }
        self.tls_ciphers.onto_or(&mut tls.ciphers, &deployment.default_listener_ciphers);
        self.tls_versions.onto_or(&mut tls.versions, &deployment.default_listener_tls_versions);
        self.alpn_protocols.onto_or(&mut tls.alpn, &deployment.default_listener_alpn_protocols);
        self.hsts_max_age.onto_option(&mut tls.hsts_max_age);
        self.hsts_include_subdomains.onto(&mut tls.hsts_include_subdomains, false);
        self.hsts_preload.onto(&mut tls.hsts_preload, false);
        Ok(())
    }
}

/// A listener as clients see it.
pub fn view(record: &Record<Listener>) -> Value {
    let it = &record.value;
    let headers: BTreeMap<&str, &str> =
        it.insert_headers.iter().map(|(header, value)| (header.word(), value.as_str())).collect();
    let cidrs = if it.allowed_cidrs.is_empty() { Value::Null } else { texts(&it.allowed_cidrs) };
    let own = json!({
        "name": it.name.as_str(),
        "description": it.description.as_str(),
        "admin_state_up": it.admin_state_up,
        "protocol": it.protocol.word(),
        "protocol_port": it.protocol_port.get(),
        "connection_limit": it.connection_limit.map(i64::from),
        "default_pool_id": text(it.default_pool),
        "insert_headers": headers,
        "timeout_client_data": it.timeouts.client_data.get(),
        "timeout_member_connect": it.timeouts.member_connect.get(),
        "timeout_member_data": it.timeouts.member_data.get(),
        "timeout_tcp_inspect": it.timeouts.tcp_inspect.get(),
        "default_tls_container_ref": text(it.tls.default_container.as_ref()),
        "sni_container_refs": texts(&it.tls.sni_containers),
        "client_authentication": it.tls.client_authentication.word(),
        "client_ca_tls_container_ref": text(it.tls.client_ca.as_ref()),
        "client_crl_container_ref": text(it.tls.client_crl.as_ref()),
        "allowed_cidrs": cidrs,
        "tls_ciphers": text(it.tls.ciphers.as_ref()),
        "tls_versions": it.tls.versions.as_ref().map(texts),
        "alpn_protocols": it.tls.alpn.as_ref().map(texts),
        "hsts_max_age": it.tls.hsts_max_age,
        "hsts_include_subdomains": it.tls.hsts_include_subdomains,
        "hsts_preload": it.tls.hsts_preload,
        "loadbalancers": links([it.load_balancer]),
        "l7policies": links(&record.related.l7_policies),
        "tags": texts(it.tags.iter()),
    });
    shown(record, own)
}
