//! Health monitors in JSON (contract 2.5).

mod rules;

use evenkeel_model::health_monitor::{HttpMethod, HttpVersion, ProbeKind, StatusCodes};
use evenkeel_model::number::{Seconds, Threshold};
use evenkeel_model::text::{DomainName, Label, Tags, UrlPath};
use evenkeel_model::{HealthMonitor, HealthMonitorId, PoolId, ProjectId, Record, Violation};
use serde_json::{Value, json};

use crate::Deployment;
use crate::decode::{Nullable, Patch, body};
use crate::view::{links, shown, text, texts};

use rules::Http;
pub use rules::check_pool;

body! {
    /// What can be said of a monitor in all ways to create one.
    pub struct Attributes {
        /// For people.
        name: Option<Label>,
        /// What a probe does.
        kind as "type": ProbeKind,
        /// Seconds from one probe of a member to its next.
        delay: Nullable<Seconds>,
        /// Seconds that one probe may take.
        timeout: Nullable<Seconds>,
        /// Probes in a row that must succeed before a member is up.
        max_retries: Nullable<Threshold>,
        /// Probes in a row that must fail before a member is down. Default 3.
        max_retries_down: Option<Threshold>,
        /// The method of a request. Default GET.
        http_method: Option<HttpMethod>,
        /// The path of a request. Default `/`.
        url_path: Option<UrlPath>,
        /// The statuses that are good. Default 200.
        expected_codes: Option<StatusCodes>,
        /// The version of a request.
        http_version: Option<HttpVersion>,
        /// The host that a request is for.
        domain_name: Option<DomainName>,
        /// Whether anybody is probed. Default true; null is false.
        admin_state_up: Patch<bool>,
        /// For people and their tools.
        tags: Option<Tags>,
    }
}

body! {
    /// `POST /healthmonitors`.
    pub struct Create in "health_monitor_", "healthmonitor" {
        /// Whose members it probes.
        pool_id: PoolId,
        /// Ignored: a monitor belongs to the project of its load balancer.
        project_id: Option<ProjectId>,
        /// Ignored as well.
        tenant_id: Option<ProjectId>,
    }
    with
    /// The rest.
    attributes: Attributes
}

body! {
    /// `PUT /healthmonitors/{id}`.
    #[derive(Default)]
    pub struct Update in "health_monitor_", "healthmonitor" {
        /// For people.
        name: Patch<Label>,
        /// Seconds from one probe of a member to its next; never null.
        delay: Patch<Seconds>,
        /// Seconds that one probe may take; never null.
        timeout: Patch<Seconds>,
        /// Probes in a row that must succeed before a member is up; never null.
        max_retries: Patch<Threshold>,
        /// Probes in a row that must fail before a member is down; null is 3.
        max_retries_down: Patch<Threshold>,
        /// The method of a request; null is GET.
        http_method: Patch<HttpMethod>,
        /// The path of a request; null is `/`.
        url_path: Patch<UrlPath>,
        /// The statuses that are good; null is 200.
        expected_codes: Patch<StatusCodes>,
        /// The version of a request.
        http_version: Patch<HttpVersion>,
        /// The host that a request is for.
        domain_name: Patch<DomainName>,
        /// Whether anybody is probed; null is false.
        admin_state_up: Patch<bool>,
        /// For people and their tools; replaces them all, null leaves them.
        tags: Patch<Tags>,
    }
}

impl Create {
    /// The monitor that is asked for.
    ///
    /// # Errors
    ///
    /// The first rule of contract 2.5 that it breaks by itself; whether it fits its pool is
    /// [`check_pool`].
    pub fn into_health_monitor(
        self,
        id: HealthMonitorId,
        deployment: &Deployment,
    ) -> Result<HealthMonitor, Violation> {
        self.attributes.into_health_monitor(id, self.pool_id, deployment)
    }
}

/// What may not be null, though it may be written so.
fn needed<T>(value: Option<T>, name: &str) -> Result<T, Violation> {
    value.ok_or_else(|| Violation::option("None", name))
}

impl Attributes {
    pub(crate) fn into_health_monitor(
        self,
        id: HealthMonitorId,
        pool: PoolId,
        deployment: &Deployment,
    ) -> Result<HealthMonitor, Violation> {
        let monitor = HealthMonitor {
            id,
            pool,
            name: self.name.unwrap_or_default(),
            admin_state_up: self.admin_state_up.or(true, false),
            delay: needed(self.delay.0, "delay")?,
            timeout: needed(self.timeout.0, "timeout")?,
            rise: needed(self.max_retries.0, "max_retries")?,
            fall: self.max_retries_down.unwrap_or(Threshold::DEFAULT_FALL),
            probe: Http {
                method: self.http_method,
                path: self.url_path,
                expected: self.expected_codes,
                version: self.http_version,
                domain_name: self.domain_name,
            }
            .probe(self.kind)?,
            tags: self.tags.unwrap_or_default(),
        };
        rules::check(&monitor, deployment)?;
        Ok(monitor)
    }
}

impl Update {
    /// The monitor as it shall be. Can be asked again of a monitor that has changed meanwhile.
    ///
    /// # Errors
    ///
    /// The first rule of contract 2.5 that the result breaks.
    pub fn apply(
        &self,
        stored: &HealthMonitor,
        deployment: &Deployment,
    ) -> Result<HealthMonitor, Violation> {
        for (name, is_null) in [
            ("delay", self.delay == Patch::Null),
            ("timeout", self.timeout == Patch::Null),
            ("max_retries", self.max_retries == Patch::Null),
        ] {
            needed((!is_null).then_some(()), name)?;
        }
        let mut monitor = stored.clone();
        self.name.onto(&mut monitor.name, Label::empty());
        self.admin_state_up.onto(&mut monitor.admin_state_up, false);
        self.delay.onto_unless_null(&mut monitor.delay);
        self.timeout.onto_unless_null(&mut monitor.timeout);
        self.max_retries.onto_unless_null(&mut monitor.rise);
        self.max_retries_down.onto(&mut monitor.fall, Threshold::DEFAULT_FALL);
        self.tags.onto_unless_null(&mut monitor.tags);
        // Null means the default to a probe that makes requests, and nothing to any other.
        let mut http = Http::of(&stored.probe);
        self.http_method.onto_option(&mut http.method);
        self.url_path.onto_option(&mut http.path);
        self.expected_codes.onto_option(&mut http.expected);
        self.http_version.onto_option(&mut http.version);
        self.domain_name.onto_option(&mut http.domain_name);
        monitor.probe = http.probe(stored.probe.kind())?;
        rules::check(&monitor, deployment)?;
        Ok(monitor)
    }
}

/// A monitor as clients see it.
pub fn view(record: &Record<HealthMonitor>) -> Value {
    let it = &record.value;
    let http = it.probe.http();
    let version = http.and_then(|http| http.version).map(|version| match version {
        HttpVersion::V1_0 => 1.0,
        HttpVersion::V1_1 => 1.1,
    });
    let own = json!({
        "name": it.name.as_str(),
        "type": it.probe.kind().word(),
        "delay": it.delay.get(),
        "timeout": it.timeout.get(),
        "max_retries": it.rise.get(),
        "max_retries_down": it.fall.get(),
        "http_method": http.map(|http| http.method.word()),
        "url_path": http.map(|http| http.path.as_str()),
        "expected_codes": http.map(|http| http.expected.spelling()),
        "http_version": version,
        "domain_name": text(http.and_then(|http| http.domain_name.as_ref())),
        "admin_state_up": it.admin_state_up,
        "pools": links([it.pool]),
        "tags": texts(it.tags.iter()),
    });
    shown(record, own)
}
