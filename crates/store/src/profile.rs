//! Profiles: what flavors and availability zones stand for.

use evenkeel_model::offering::{OfferingKind, Profile};
use evenkeel_model::provider::ProviderName;
use evenkeel_model::{ProfileId, Violation};

use crate::engine::{Row, Session, Value, values};
use crate::offering::{from_word, word};
use crate::{Store, StoreError};

const SELECT: &str = "SELECT id, kind, name, provider_name, data FROM profiles";

fn read(row: &Row) -> Result<Profile, StoreError> {
    Ok(Profile {
        id: row.parse(0)?,
        kind: row.word(1, from_word)?,
        name: row.made(2)?,
        provider: ProviderName::new(row.text(3)?),
        data: row.made(4)?,
    })
}

/// The profile of this kind with this id.
pub(crate) fn get(
    session: &mut Session<'_>,
    kind: OfferingKind,
    id: ProfileId,
) -> Result<Profile, StoreError> {
    let sql = format!("{SELECT} WHERE kind = ?1 AND id = ?2");
    let row = session.first(&sql, &values![word(kind), id])?;
    let row = row.ok_or_else(|| StoreError::no_offering(kind.profile_title(), &id))?;
    read(&row)
}

fn columns(profile: &Profile) -> [Value; 5] {
    values![
        profile.id,
        word(profile.kind),
        profile.name.as_str(),
        profile.provider.as_str(),
        profile.data.as_str(),
    ]
}

fn insert(session: &mut Session<'_>, profile: &Profile) -> Result<(), StoreError> {
    session
        .execute(
            "INSERT INTO profiles (id, kind, name, provider_name, data) \
             VALUES (?1, ?2, ?3, ?4, ?5)",
            &columns(profile),
        )
        .map(drop)
}

/// Renames a profile; what it stands for changes only while nothing is offered with it.
fn replace(
    session: &mut Session<'_>,
    stored: &Profile,
    wanted: &Profile,
) -> Result<(), StoreError> {
    if stored.provider != wanted.provider || stored.data != wanted.data {
        check_unused(session, stored)?;
    }
    session
        .execute(
            "UPDATE profiles SET kind = ?2, name = ?3, provider_name = ?4, data = ?5 WHERE id = ?1",
            &columns(wanted),
        )
        .map(drop)
}

fn check_unused(session: &mut Session<'_>, profile: &Profile) -> Result<(), StoreError> {
    let sql = "SELECT id FROM offerings WHERE profile_id = ?1 LIMIT 1";
    if session.first(sql, &values![profile.id])?.is_none() {
        return Ok(());
    }
    // The contract's spelling differs here from that elsewhere (1.9).
    let what = match profile.kind {
        OfferingKind::Flavor => "Flavor profile",
        OfferingKind::AvailabilityZone => "Availability Zone Profile",
    };
    Err(StoreError::OfferingInUse { what, name: profile.id.to_string() })
}

impl Store {
    /// All profiles of flavors, or of availability zones, in no particular order.
    ///
    /// # Errors
    ///
    /// Only the database's.
    pub async fn profiles(&self, kind: OfferingKind) -> Result<Vec<Profile>, StoreError> {
        self.read(move |session| {
            let rows = session.query(&format!("{SELECT} WHERE kind = ?1"), &values![word(kind)])?;
            rows.iter().map(read).collect()
        })
        .await
    }

    /// The profile with this id.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoOffering`].
    pub async fn profile(&self, kind: OfferingKind, id: ProfileId) -> Result<Profile, StoreError> {
        self.read(move |session| get(session, kind, id)).await
    }

    /// Creates a profile.
    ///
    /// # Errors
    ///
    /// Only the database's.
    pub async fn create_profile(&self, profile: Profile) -> Result<(), StoreError> {
        self.write(move |session| insert(session, &profile)).await
    }

    /// Changes a profile to what `edit` makes of it; how it is afterwards.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoOffering`], those of `edit`, and [`StoreError::OfferingInUse`] if anything
    /// but its name is to change.
    pub async fn update_profile(
        &self,
        kind: OfferingKind,
        id: ProfileId,
        edit: impl Fn(&Profile) -> Result<Profile, Violation> + Send + Sync + 'static,
    ) -> Result<Profile, StoreError> {
        self.write(move |session| {
            let stored = get(session, kind, id)?;
            let wanted = edit(&stored)?;
            replace(session, &stored, &wanted)?;
            Ok(wanted)
        })
        .await
    }

    /// Deletes a profile with which nothing is offered.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoOffering`], [`StoreError::OfferingInUse`].
    pub async fn delete_profile(
        &self,
        kind: OfferingKind,
        id: ProfileId,
    ) -> Result<(), StoreError> {
        self.write(move |session| {
            let stored = get(session, kind, id)?;
            check_unused(session, &stored)?;
            session.execute("DELETE FROM profiles WHERE id = ?1", &values![id]).map(drop)
        })
        .await
    }
}
