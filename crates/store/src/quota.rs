//! Quotas: counted where they are asked, in the transaction that adds.

use evenkeel_model::quota::{Limit, Limits};
use evenkeel_model::{
    HealthMonitor, L7Policy, L7Rule, Listener, LoadBalancer, Member, Pool, ProjectId, ResourceKind,
};

use crate::engine::{Row, Session, Value};
use crate::stored::Sealed;
use crate::{Store, StoreError};

/// All kinds, in the order of the table's columns.
const KINDS: [ResourceKind; 7] = [
    ResourceKind::LoadBalancer,
    ResourceKind::Listener,
    ResourceKind::Pool,
    ResourceKind::Member,
    ResourceKind::HealthMonitor,
    ResourceKind::L7Policy,
    ResourceKind::L7Rule,
];

const COLUMNS: &str =
    "project_id, load_balancer, listener, pool, member, health_monitor, l7_policy, l7_rule";

/// What a project may have of one kind, where it is to be changed: `Some(None)` is the default
/// again.
pub type LimitChange = Option<Option<Limit>>;

/// What of a project's quota is to be changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LimitsChange {
    /// In the order of [`ResourceKind`].
    changes: [LimitChange; 7],
}

impl LimitsChange {
    /// The same, with another limit for `kind`.
    #[must_use]
    pub fn with(mut self, kind: ResourceKind, change: LimitChange) -> Self {
        self.changes[index(kind)] = change;
        self
    }
}

fn index(kind: ResourceKind) -> usize {
    KINDS.iter().position(|it| *it == kind).unwrap_or_default()
}

fn table(kind: ResourceKind) -> &'static str {
    match kind {
        ResourceKind::LoadBalancer => LoadBalancer::TABLE,
        ResourceKind::Listener => Listener::TABLE,
        ResourceKind::Pool => Pool::TABLE,
        ResourceKind::Member => Member::TABLE,
        ResourceKind::HealthMonitor => HealthMonitor::TABLE,
        ResourceKind::L7Policy => L7Policy::TABLE,
        ResourceKind::L7Rule => L7Rule::TABLE,
    }
}

/// Whether the project may have `more` of the kind. Everything that is there counts, whatever its
/// state, until it is gone.
pub(crate) fn check(
    session: &mut Session<'_>,
    project: &ProjectId,
    kind: ResourceKind,
    more: u64,
) -> Result<(), StoreError> {
    if !session.config.count_quotas || more == 0 {
        return Ok(());
    }
    let own = own(session, project)?;
    if own.is_none() {
        // A project that is counted is listed (contract 2.9).
        let sql = "INSERT INTO quotas (project_id) VALUES (?1) ON CONFLICT (project_id) DO NOTHING";
        session.execute(sql, &[project.into()])?;
    }
    let limit = merged(own.as_ref(), session.config.default_limits).of(kind);
    if limit == Limit::Unlimited {
        return Ok(());
    }
    let sql = format!("SELECT COUNT(*) FROM {} WHERE project_id = ?1", table(kind));
    let row = session.first(&sql, &[project.into()])?;
    let there = row.map_or(Ok(0), |row| row.count(0))?;
    if limit.allows(there + more) { Ok(()) } else { Err(StoreError::QuotaMet(kind)) }
}

fn own(session: &mut Session<'_>, project: &ProjectId) -> Result<Option<Row>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM quotas WHERE project_id = ?1");
    session.first(&sql, &[project.into()])
}

/// The project's own limits, and the deployment's where it has none.
fn effective(session: &mut Session<'_>, project: &ProjectId) -> Result<Limits, StoreError> {
    let row = own(session, project)?;
    Ok(merged(row.as_ref(), session.config.default_limits))
}

fn merged(row: Option<&Row>, defaults: Limits) -> Limits {
    let limit = |kind: ResourceKind| {
        let own = row.and_then(|row| row.maybe_int(1 + index(kind)));
        own.map_or(defaults.of(kind), Limit::from)
    };
    Limits {
        load_balancer: limit(ResourceKind::LoadBalancer),
        listener: limit(ResourceKind::Listener),
        pool: limit(ResourceKind::Pool),
        member: limit(ResourceKind::Member),
        health_monitor: limit(ResourceKind::HealthMonitor),
        l7_policy: limit(ResourceKind::L7Policy),
        l7_rule: limit(ResourceKind::L7Rule),
    }
}

fn change(
    session: &mut Session<'_>,
    project: &ProjectId,
    wanted: &LimitsChange,
) -> Result<Limits, StoreError> {
    let row = own(session, project)?;
    let mut values: Vec<Value> = vec![project.into()];
    for (at, change) in wanted.changes.iter().enumerate() {
        let now = row.as_ref().and_then(|row| row.maybe_int(1 + at));
        let next = change.map_or(now, |limit| limit.map(i64::from));
        values.push(next.into());
    }
    session.execute("DELETE FROM quotas WHERE project_id = ?1", &values[..1])?;
    let sql = format!("INSERT INTO quotas ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
    session.execute(&sql, &values)?;
    effective(session, project)
}

impl Store {
    /// What a project may have; an unknown project may have what the deployment gives.
    ///
    /// # Errors
    ///
    /// Only the database's.
    pub async fn limits(&self, project: ProjectId) -> Result<Limits, StoreError> {
        self.read(move |session| effective(session, &project)).await
    }

    /// The projects with a quota of their own, and what they may have.
    ///
    /// # Errors
    ///
    /// Only the database's.
    pub async fn all_limits(&self) -> Result<Vec<(ProjectId, Limits)>, StoreError> {
        self.read(move |session| {
            let sql = format!("SELECT {COLUMNS} FROM quotas ORDER BY project_id");
            let defaults = session.config.default_limits;
            let rows = session.query(&sql, &[])?;
            rows.iter()
                .map(|row| {
                    let text = row.text(0)?;
                    let project = ProjectId::new(text);
                    let project = project.ok_or_else(|| StoreError::corrupt("project", text))?;
                    Ok((project, merged(Some(row), defaults)))
                })
                .collect()
        })
        .await
    }

    /// Changes what a project may have; less than it has is allowed, and only keeps it from having
    /// more.
    ///
    /// # Errors
    ///
    /// Only the database's.
    pub async fn set_limits(
        &self,
        project: ProjectId,
        wanted: LimitsChange,
    ) -> Result<Limits, StoreError> {
        self.write(move |session| change(session, &project, &wanted)).await
    }

    /// Gives a project the deployment's limits again.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoQuota`]: it has none of its own.
    pub async fn reset_limits(&self, project: ProjectId) -> Result<(), StoreError> {
        self.write(move |session| {
            let values = [Value::from(&project)];
            match session.execute("DELETE FROM quotas WHERE project_id = ?1", &values)? {
                0 => Err(StoreError::NoQuota(project.clone())),
                _ => Ok(()),
            }
        })
        .await
    }
}
