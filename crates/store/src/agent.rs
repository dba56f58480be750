//! Agents: what they offer, and when they were last heard.

use evenkeel_model::health_monitor::ProbeKind;
use evenkeel_model::provider::ProviderName;
use evenkeel_model::{AgentId, Timestamp};

use crate::engine::{Row, Session, json, values};
use crate::{Store, StoreError};

/// What an agent says of itself when it connects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentHello {
    /// The same for all its lives.
    pub agent: AgentId,
    /// The node's name, for people.
    pub host: String,
    /// The providers it has drivers for.
    pub providers: Vec<ProviderName>,
    /// How many load balancers it takes.
    pub capacity: u32,
    /// How it can probe members; empty if it does not say.
    pub probes: Vec<ProbeKind>,
}

/// An agent that has been heard at least once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentRecord {
    /// Which one.
    pub agent: AgentId,
    /// The node's name, for people.
    pub host: String,
    /// The providers it has drivers for.
    pub providers: Vec<ProviderName>,
    /// How many load balancers it takes.
    pub capacity: u32,
    /// How many are placed on it.
    pub placed: u32,
    /// When it was last heard.
    pub last_heard: Timestamp,
    /// Whether the operator lets it take more.
    pub admin_state_up: bool,
    /// Whether it is not taken for dead.
    pub alive: bool,
    /// How it can probe members; empty if it does not say.
    pub probes: Vec<ProbeKind>,
}

impl AgentRecord {
    /// Whether it can probe so, as far as it says.
    pub fn can_probe(&self, kind: ProbeKind) -> bool {
        self.probes.is_empty() || self.probes.contains(&kind)
    }
}

fn read(row: &Row) -> Result<AgentRecord, StoreError> {
    let count = |at| Ok::<u32, StoreError>(u32::try_from(row.count(at)?).unwrap_or(u32::MAX));
    Ok(AgentRecord {
        agent: row.parse(0)?,
        host: row.text(1)?.to_owned(),
        providers: row.json(2)?,
        capacity: count(3)?,
        last_heard: row.time(4)?,
        admin_state_up: row.bool(5)?,
        alive: row.bool(6)?,
        placed: count(7)?,
        probes: row.json(8)?,
    })
}

fn hello(session: &mut Session<'_>, hello: &AgentHello) -> Result<(), StoreError> {
    let now = session.moment();
    let providers = json(&hello.providers);
    let known = session.first("SELECT id FROM agents WHERE id = ?1", &values![hello.agent])?;
    let sql = if known.is_some() {
        "UPDATE agents SET host = ?2, providers = ?3, capacity = ?4, last_heard = ?5, probes = ?6, \
         alive = 1 WHERE id = ?1"
    } else {
        "INSERT INTO agents (id, host, providers, capacity, last_heard, probes, admin_state_up, alive) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1, 1)"
    };
    let capacity = i64::from(hello.capacity);
    let probes = json(&hello.probes);
    let values = values![hello.agent, hello.host.as_str(), providers, capacity, now, probes];
    session.execute(sql, &values)?;
    // Load balancers may be waiting for somebody like it.
    session.desire_changed = true;
    Ok(())
}

fn heard(session: &mut Session<'_>, agent: AgentId) -> Result<(), StoreError> {
    let now = session.moment();
    let revived = session
        .execute("UPDATE agents SET alive = 1 WHERE id = ?1 AND alive = 0", &values![agent])?;
    session.desire_changed |= revived > 0;
    session
        .execute("UPDATE agents SET last_heard = ?2 WHERE id = ?1", &values![agent, now])
        .map(drop)
}

impl Store {
    /// Notes what an agent says of itself. It is alive.
    ///
    /// # Errors
    ///
    /// Only the database's.
    pub async fn hello(&self, said: AgentHello) -> Result<(), StoreError> {
        self.write(move |session| hello(session, &said)).await
    }

    /// Notes that an agent was heard.
    ///
    /// # Errors
    ///
    /// Only the database's.
    pub async fn heard(&self, agent: AgentId) -> Result<(), StoreError> {
        self.write(move |session| heard(session, agent)).await
    }

    /// Takes an agent for dead: what is placed on it is to be placed again.
    ///
    /// # Errors
    ///
    /// Only the database's.
    pub async fn mark_dead(&self, agent: AgentId) -> Result<(), StoreError> {
        self.write(move |session| {
            session.desire_changed = true;
            session.execute("UPDATE agents SET alive = 0 WHERE id = ?1", &values![agent]).map(drop)
        })
        .await
    }

    /// All agents, by id.
    ///
    /// # Errors
    ///
    /// Only the database's.
    pub async fn agents(&self) -> Result<Vec<AgentRecord>, StoreError> {
        self.read(|session| {
            let rows = session.query(
                "SELECT a.id, a.host, a.providers, a.capacity, a.last_heard, a.admin_state_up, \
                 a.alive, (SELECT COUNT(*) FROM placements p WHERE p.agent_id = a.id), \
                 a.probes \
                 FROM agents a ORDER BY a.id",
                &[],
            )?;
            rows.iter().map(read).collect()
        })
        .await
    }
}
