//! What an operator says about the API: what it accepts, and what it fills in (contract 8).

use evenkeel_model::NetworkId;
use evenkeel_model::Violation;
use evenkeel_model::address::AddressRules;
use evenkeel_model::listener::Timeouts;
use evenkeel_model::number::Threads;
use evenkeel_model::text::Ciphers;
use evenkeel_model::tls::{Alpn, TlsVersion};
use serde::{Deserialize, Serialize};

const CIPHERS: &str = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:\
                       ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:\
                       ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:\
                       ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:\
                       DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384:\
                       DHE-RSA-CHACHA20-POLY1305";

/// What the API accepts and fills in. Keys that are not listed here are refused.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Deployment {
    /// Whether lists come in pages. Default true.
    pub allow_pagination: bool,
    /// Whether lists can be sorted. Default true.
    pub allow_sorting: bool,
    /// Whether lists can be filtered. Default true.
    pub allow_filtering: bool,
    /// Whether single fields can be asked for. Default true.
    pub allow_field_selection: bool,
    /// The longest page, and the length of one that nobody limits. Default 1000.
    pub pagination_max_limit: u32,
    /// Whether listeners may end TLS. Default true.
    pub allow_tls_terminated_listeners: bool,
    /// Whether monitors may ping. Default true.
    pub allow_ping_health_monitors: bool,
    /// Whether listeners may publish metrics. Default true.
    pub allow_prometheus_listeners: bool,
    /// Whether a VIP may be asked for by network. Default true.
    pub allow_vip_network_id: bool,
    /// Whether a VIP may be asked for by subnet. Default true.
    pub allow_vip_subnet_id: bool,
    /// Whether a VIP may be asked for by port. Default true.
    pub allow_vip_port_id: bool,
    /// The only networks that VIPs may be on; empty for any.
    pub valid_vip_networks: Vec<NetworkId>,
    /// Networks that VIPs may not be on.
    pub denylist_vip_networks: Vec<NetworkId>,
    /// Which addresses tenants may not name.
    #[serde(with = "address_rules")]
    pub address_rules: AddressRules,
    /// Seconds that a `UDP-CONNECT` monitor must leave between probes. Default 3.
    pub udp_connect_min_interval_health_monitor: u32,
    /// The ciphers of listeners that name none.
    pub default_listener_ciphers: Ciphers,
    /// The ciphers of pools that name none.
    pub default_pool_ciphers: Ciphers,
    /// Ciphers that nobody may name.
    pub tls_cipher_prohibit_list: Vec<String>,
    /// The oldest version of TLS that may be named; `None` for any.
    pub minimum_tls_version: Option<TlsVersion>,
    /// The TLS versions of listeners that name none. Default 1.2 and 1.3.
    pub default_listener_tls_versions: Vec<TlsVersion>,
    /// The TLS versions of pools that name none. Default 1.2 and 1.3.
    pub default_pool_tls_versions: Vec<TlsVersion>,
    /// The ALPN protocols of listeners that name none. Default all three.
    pub default_listener_alpn_protocols: Vec<Alpn>,
    /// The ALPN protocols of pools that name none. Default all three.
    pub default_pool_alpn_protocols: Vec<Alpn>,
    /// The timeouts of listeners that name none.
    pub timeouts: Timeouts,
    /// The most threads that a flavor may give a load balancer. Default 8.
    pub most_threads: Threads,
}

impl Default for Deployment {
    fn default() -> Self {
        let ciphers = || Ciphers::try_from(CIPHERS.to_owned()).expect("the list is well-formed");
        let versions = || vec![TlsVersion::V1_2, TlsVersion::V1_3];
        Self {
            allow_pagination: true,
            allow_sorting: true,
            allow_filtering: true,
            allow_field_selection: true,
            pagination_max_limit: 1000,
            allow_tls_terminated_listeners: true,
            allow_ping_health_monitors: true,
            allow_prometheus_listeners: true,
            allow_vip_network_id: true,
            allow_vip_subnet_id: true,
            allow_vip_port_id: true,
            valid_vip_networks: Vec::new(),
            denylist_vip_networks: Vec::new(),
            address_rules: AddressRules::default(),
            udp_connect_min_interval_health_monitor: 3,
            default_listener_ciphers: ciphers(),
            default_pool_ciphers: ciphers(),
            tls_cipher_prohibit_list: Vec::new(),
            minimum_tls_version: None,
            default_listener_tls_versions: versions(),
            default_pool_tls_versions: versions(),
            default_listener_alpn_protocols: Alpn::ALL.to_vec(),
            default_pool_alpn_protocols: Alpn::ALL.to_vec(),
            timeouts: Timeouts::default(),
            most_threads: Threads::literal(8),
        }
    }
}

impl Deployment {
    /// Whether what is filled in is also accepted; asked once, at start.
    ///
    /// # Errors
    ///
    /// The text that a client would get for the same values.
    pub fn check(&self) -> Result<(), Violation> {
        for ciphers in [&self.default_listener_ciphers, &self.default_pool_ciphers] {
            self.check_ciphers(ciphers)?;
        }
        for versions in [&self.default_listener_tls_versions, &self.default_pool_tls_versions] {
            self.check_versions(versions)?;
        }
        for alpn in [&self.default_listener_alpn_protocols, &self.default_pool_alpn_protocols] {
            self.check_alpn(alpn)?;
        }
        Ok(())
    }

    /// Whether nobody prohibits one of these ciphers (contract 3.7).
    pub(crate) fn check_ciphers(&self, ciphers: &Ciphers) -> Result<(), Violation> {
        let prohibited: Vec<&str> = ciphers
            .as_str()
            .split(':')
            .filter(|cipher| self.tls_cipher_prohibit_list.iter().any(|it| it == cipher))
            .collect();
        if prohibited.is_empty() {
            return Ok(());
        }
        Err(Violation::rule(format!(
            "The following ciphers have been prohibited by an administrator: {}",
            prohibited.join(", ")
        )))
    }

    /// Whether there is a version, and none is too old.
    pub(crate) fn check_versions(&self, versions: &[TlsVersion]) -> Result<(), Violation> {
        if versions.is_empty() {
            return Err(Violation::rule(
                "Empty TLS version list. Either specify at least one TLS version or reset this \
                 parameter to its default value.",
            ));
        }
        let Some(minimum) = self.minimum_tls_version else {
            return Ok(());
        };
        let old: Vec<&str> =
            versions.iter().filter(|it| **it < minimum).map(|it| it.word()).collect();
        if old.is_empty() {
            return Ok(());
        }
        Err(Violation::rule(format!(
            "Requested TLS versions are less than the minimum: {} < {minimum}",
            old.join(", ")
        )))
    }

    /// Whether there is a protocol to agree on.
    #[expect(clippy::unused_self, reason = "asked like its siblings")]
    pub(crate) fn check_alpn(&self, alpn: &[Alpn]) -> Result<(), Violation> {
        if alpn.is_empty() {
            return Err(Violation::rule(
                "Empty ALPN protocol list. Either specify at least one ALPN protocol or reset \
                 this parameter to its default value.",
            ));
        }
        Ok(())
    }
}

/// How the rules for addresses are written in a configuration.
mod address_rules {
    use evenkeel_model::address::AddressRules;
    use ipnet::IpNet;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Default, Serialize, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Written {
        loopback_allowed: bool,
        reserved: Vec<IpNet>,
    }

    pub(super) fn serialize<S: Serializer>(rules: &AddressRules, to: S) -> Result<S::Ok, S::Error> {
        let AddressRules { loopback_allowed, reserved } = rules.clone();
        Written { loopback_allowed, reserved }.serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<AddressRules, D::Error> {
        let Written { loopback_allowed, reserved } = Written::deserialize(from)?;
        Ok(AddressRules { loopback_allowed, reserved })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_deployment_that_says_nothing_is_as_the_contract_says() {
        let said: Deployment = serde_json::from_value(json!({})).unwrap();
        assert_eq!(said.check(), Ok(()));
        assert_eq!(json!(said), json!(Deployment::default()));
    }

    #[test]
    fn addresses_can_be_reserved() {
        let said = json!({"address_rules": {"loopback_allowed": true, "reserved": ["10.0.0.0/8"]}});
        let said: Deployment = serde_json::from_value(said).unwrap();
        assert!(said.address_rules.check("127.0.0.1".parse().unwrap()).is_ok());
        assert!(said.address_rules.check("10.1.2.3".parse().unwrap()).is_err());
        for unknown in [json!({"x": 1}), json!({"address_rules": {"x": 1}})] {
            assert!(serde_json::from_value::<Deployment>(unknown).is_err());
        }
    }

    #[test]
    fn defaults_that_would_be_refused_are_refused_at_start() {
        let said = json!({"tls_cipher_prohibit_list": ["DHE-RSA-AES128-GCM-SHA256"]});
        let said: Deployment = serde_json::from_value(said).unwrap();
        assert_eq!(
            said.check().unwrap_err().to_string(),
            "Validation failure: The following ciphers have been prohibited by an administrator: \
             DHE-RSA-AES128-GCM-SHA256"
        );
        let said = json!({"minimum_tls_version": "TLSv1.3"});
        let said: Deployment = serde_json::from_value(said).unwrap();
        assert_eq!(
            said.check().unwrap_err().to_string(),
            "Validation failure: Requested TLS versions are less than the minimum: TLSv1.2 < TLSv1.3"
        );
    }
}
