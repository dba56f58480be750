//! Secrets and containers of a deployment that has no key manager, sealed.

use evenkeel_model::tls::Sealed;
use evenkeel_model::{ProjectId, Timestamp};
use uuid::Uuid;

use crate::engine::{Row, Session, Value, values};
use crate::{Store, StoreError};

/// How many rows are sealed anew in one transaction: other writes come in between.
const AT_ONCE: i64 = 64;

const COLUMNS: &str = "id, kind, project_id, name, created_at, updated_at, about, sealed";

/// What a key manager keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretKind {
    /// Bytes that nobody may see.
    Secret,
    /// Secrets that belong together.
    Container,
}

impl SecretKind {
    /// As it lies in its table, and in what it is sealed for.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Secret => "SECRET",
            Self::Container => "CONTAINER",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        [Self::Secret, Self::Container].into_iter().find(|kind| kind.word() == word)
    }
}

/// One secret or container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptSecret {
    /// Its id.
    pub id: Uuid,
    /// Which of the two.
    pub kind: SecretKind,
    /// Whose it is.
    pub project: ProjectId,
    /// What lists can be narrowed by.
    pub name: String,
    /// Since when.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Option<Timestamp>,
    /// What may be shown of it, as JSON that only the key manager reads.
    pub about: String,
    /// Its content, if it has one.
    pub sealed: Option<Sealed>,
}

fn read(row: &Row) -> Result<KeptSecret, StoreError> {
    let project = row.text(2)?;
    Ok(KeptSecret {
        id: row.parse(0)?,
        kind: row.word(1, SecretKind::from_word)?,
        project: ProjectId::new(project).ok_or_else(|| StoreError::corrupt("project", project))?,
        name: row.text(3)?.to_owned(),
        created_at: row.time(4)?,
        updated_at: row.maybe_time(5),
        about: row.text(6)?.to_owned(),
        sealed: row.maybe_text(7).map(|text| Sealed::new(text.to_owned())),
    })
}

fn find(
    session: &mut Session<'_>,
    kind: SecretKind,
    id: Uuid,
) -> Result<Option<KeptSecret>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM secrets WHERE id = ?1 AND kind = ?2");
    session.first(&sql, &values![id, kind.word()])?.as_ref().map(read).transpose()
}

fn row_of(secret: &KeptSecret) -> Vec<Value> {
    values![
        secret.id,
        secret.kind.word(),
        &secret.project,
        secret.name.as_str(),
        secret.created_at,
        secret.updated_at,
        secret.about.as_str(),
        secret.sealed.as_ref().map(Sealed::as_str),
    ]
    .into()
}

/// Whose secrets, of which kind and name, and which of them.
#[derive(Clone, Debug)]
pub struct SecretQuery {
    /// Whose.
    pub project: ProjectId,
    /// Which of the two.
    pub kind: SecretKind,
    /// Only those of this name.
    pub name: Option<String>,
    /// How many at most.
    pub limit: u32,
    /// How many are left out before.
    pub offset: u32,
}

impl Store {
    /// Keeps a new secret or container. `make` may be asked again, and is asked within the
    /// transaction, so that nothing is sealed with a key that was replaced meanwhile.
    ///
    /// # Errors
    ///
    /// Only the database's.
    pub async fn keep_secret(
        &self,
        make: impl Fn(Timestamp) -> KeptSecret + Send + Sync + 'static,
    ) -> Result<KeptSecret, StoreError> {
        self.write(move |session| {
            let secret = make(session.moment());
            let sql =
                format!("INSERT INTO secrets ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
            session.execute(&sql, &row_of(&secret))?;
            Ok(secret)
        })
        .await
    }

    /// The secret or container with this id, whoever owns it.
    ///
    /// # Errors
    ///
    /// Only the database's.
    pub async fn secret(
        &self,
        kind: SecretKind,
        id: Uuid,
    ) -> Result<Option<KeptSecret>, StoreError> {
        self.read(move |session| find(session, kind, id)).await
    }

    /// Those that a query is about, oldest first, and how many there are in all.
    ///
    /// # Errors
    ///
    /// Only the database's.
    pub async fn secrets(&self, query: SecretQuery) -> Result<(Vec<KeptSecret>, u64), StoreError> {
        self.read(move |session| {
            let SecretQuery { project, kind, name, limit, offset } = &query;
            let mut condition = "project_id = ?1 AND kind = ?2".to_owned();
            let mut values = values![project, kind.word()].to_vec();
            if let Some(name) = name {
                condition.push_str(" AND name = ?3");
                values.push(name.as_str().into());
            }
            let counted = session
                .first(&format!("SELECT COUNT(*) FROM secrets WHERE {condition}"), &values)?;
            let total = counted.map_or(Ok(0), |row| row.count(0))?;
            let sql = format!(
                "SELECT {COLUMNS} FROM secrets WHERE {condition} ORDER BY created_at, id \
                 LIMIT {limit} OFFSET {offset}"
            );
            let rows = session.query(&sql, &values)?;
            Ok((rows.iter().map(read).collect::<Result<_, _>>()?, total))
        })
        .await
    }

    /// Changes a secret or container to what `edit` makes of it, if it is there and `edit` makes
    /// anything of it; what it is then. `edit` may be asked again.
    ///
    /// # Errors
    ///
    /// Only the database's.
    pub async fn change_secret(
        &self,
        kind: SecretKind,
        id: Uuid,
        edit: impl Fn(KeptSecret) -> Option<KeptSecret> + Send + Sync + 'static,
    ) -> Result<Option<KeptSecret>, StoreError> {
        self.write(move |session| {
            let Some(mut changed) = find(session, kind, id)?.and_then(&edit) else {
                return Ok(None);
            };
            changed.updated_at = Some(session.moment());
            session.execute(
                "UPDATE secrets SET kind = ?2, project_id = ?3, name = ?4, created_at = ?5, \
                 updated_at = ?6, about = ?7, sealed = ?8 WHERE id = ?1",
                &row_of(&changed),
            )?;
            Ok(Some(changed))
        })
        .await
    }

    /// Forgets a secret or container. One that is not there is forgotten already.
    ///
    /// # Errors
    ///
    /// Only the database's.
    pub async fn forget_secret(&self, kind: SecretKind, id: Uuid) -> Result<(), StoreError> {
        self.write(move |session| {
            let sql = "DELETE FROM secrets WHERE id = ?1 AND kind = ?2";
            session.execute(sql, &values![id, kind.word()]).map(drop)
        })
        .await
    }

    /// Seals some of the secrets anew: the next few after `after`, as `anew` says, which leaves
    /// what it gives nothing for. The last of them; nothing once there are no more.
    ///
    /// # Errors
    ///
    /// Only the database's.
    pub async fn reseal_secrets(
        &self,
        after: Option<Uuid>,
        anew: impl Fn(&KeptSecret) -> Option<Sealed> + Send + Sync + 'static,
    ) -> Result<Option<Uuid>, StoreError> {
        self.write(move |session| {
            let after = after.map(|id| id.to_string()).unwrap_or_default();
            let sql =
                format!("SELECT {COLUMNS} FROM secrets WHERE id > ?1 ORDER BY id LIMIT {AT_ONCE}");
            let rows = session.query(&sql, &values![after])?;
            let some = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
            for secret in &some {
                if let Some(sealed) = anew(secret) {
                    session.execute(
                        "UPDATE secrets SET sealed = ?2 WHERE id = ?1",
                        &values![secret.id, sealed.as_str()],
                    )?;
                }
            }
            Ok(some.last().map(|it| it.id))
        })
        .await
    }
}
