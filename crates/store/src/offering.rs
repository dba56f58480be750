//! Flavors and availability zones, which operators offer and load balancers name.

use evenkeel_model::offering::{Offering, OfferingKind};
use evenkeel_model::text::Label;
use evenkeel_model::{LoadBalancer, OfferingId, Violation};

use crate::engine::{Row, Session, values};
use crate::{Store, StoreError, profile};

const SELECT: &str = "SELECT id, kind, name, description, enabled, profile_id FROM offerings";

pub(crate) const fn word(kind: OfferingKind) -> &'static str {
    match kind {
        OfferingKind::Flavor => "FLAVOR",
        OfferingKind::AvailabilityZone => "AVAILABILITY_ZONE",
    }
}

pub(crate) fn from_word(word: &str) -> Option<OfferingKind> {
    match word {
        "FLAVOR" => Some(OfferingKind::Flavor),
        "AVAILABILITY_ZONE" => Some(OfferingKind::AvailabilityZone),
        _ => None,
    }
}

fn read(row: &Row) -> Result<Offering, StoreError> {
    Ok(Offering {
        id: row.parse(0)?,
        kind: row.word(1, from_word)?,
        name: row.made(2)?,
        description: row.made(3)?,
        enabled: row.bool(4)?,
        profile: row.parse(5)?,
    })
}

/// The first offering of a kind of which `column` is `value`.
fn find(
    session: &mut Session<'_>,
    kind: OfferingKind,
    column: &str,
    value: &str,
) -> Result<Option<Offering>, StoreError> {
    let sql = format!("{SELECT} WHERE kind = ?1 AND {column} = ?2");
    let row = session.first(&sql, &values![word(kind), value])?;
    row.as_ref().map(read).transpose()
}

fn get(
    session: &mut Session<'_>,
    kind: OfferingKind,
    id: OfferingId,
) -> Result<Offering, StoreError> {
    let found = find(session, kind, "id", &id.to_string())?;
    found.ok_or_else(|| StoreError::no_offering(kind.title(), &id))
}

fn check_name(session: &mut Session<'_>, wanted: &Offering) -> Result<(), StoreError> {
    match find(session, wanted.kind, "name", wanted.name.as_str())? {
        Some(other) if other.id != wanted.id => {
            Err(StoreError::OfferingTaken { kind: wanted.kind, name: wanted.name.clone() })
        }
        Some(_) | None => Ok(()),
    }
}

fn create(session: &mut Session<'_>, offering: &Offering) -> Result<(), StoreError> {
    let kind = offering.kind;
    match profile::get(session, kind, offering.profile) {
        Err(StoreError::NoOffering { .. }) => {
            return Err(Violation::rule(format!("Invalid {}.", kind.profile_field())).into());
        }
        outcome => drop(outcome?),
    }
    check_name(session, offering)?;
    let values = values![
        offering.id,
        word(kind),
        offering.name.as_str(),
        offering.description.as_str(),
        offering.enabled,
        offering.profile,
    ];
    session
        .execute(
            "INSERT INTO offerings (id, kind, name, description, enabled, profile_id) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            &values,
        )
        .map(drop)
}

fn replace(session: &mut Session<'_>, offering: &Offering) -> Result<(), StoreError> {
    check_name(session, offering)?;
    let values = values![
        offering.id,
        offering.name.as_str(),
        offering.description.as_str(),
        offering.enabled,
    ];
    session
        .execute(
            "UPDATE offerings SET name = ?2, description = ?3, enabled = ?4 WHERE id = ?1",
            &values,
        )
        .map(drop)
}

fn delete(session: &mut Session<'_>, kind: OfferingKind, id: OfferingId) -> Result<(), StoreError> {
    let offering = get(session, kind, id)?;
    let column = match kind {
        OfferingKind::Flavor => "flavor_id",
        OfferingKind::AvailabilityZone => "availability_zone",
    };
    let name = offering.named();
    let sql = format!("SELECT id FROM load_balancers WHERE {column} = ?1 LIMIT 1");
    if session.first(&sql, &values![name.as_str()])?.is_some() {
        return Err(StoreError::OfferingInUse { what: kind.title(), name });
    }
    session.execute("DELETE FROM offerings WHERE id = ?1", &values![id]).map(drop)
}

/// Whether what a load balancer names is there, asked in the transaction that records it: what is
/// named from then on cannot be deleted.
pub(crate) fn check_named(
    session: &mut Session<'_>,
    load_balancer: &LoadBalancer,
) -> Result<(), StoreError> {
    if let Some(flavor) = load_balancer.flavor
        && find(session, OfferingKind::Flavor, "id", &flavor.to_string())?.is_none()
    {
        return Err(Violation::rule("Invalid flavor_id.").into());
    }
    if let Some(zone) = &load_balancer.availability_zone
        && find(session, OfferingKind::AvailabilityZone, "name", zone.as_str())?.is_none()
    {
        return Err(Violation::rule("Invalid availability zone.").into());
    }
    Ok(())
}

impl Store {
    /// All flavors, or all availability zones, in no particular order.
    ///
    /// # Errors
    ///
    /// Only the database's.
    pub async fn offerings(&self, kind: OfferingKind) -> Result<Vec<Offering>, StoreError> {
        self.read(move |session| {
            let rows = session.query(&format!("{SELECT} WHERE kind = ?1"), &values![word(kind)])?;
            rows.iter().map(read).collect()
        })
        .await
    }

    /// The flavor or zone with this id.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoOffering`].
    pub async fn offering(
        &self,
        kind: OfferingKind,
        id: OfferingId,
    ) -> Result<Offering, StoreError> {
        self.read(move |session| get(session, kind, id)).await
    }

    /// The flavor or zone with this name.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoOffering`].
    pub async fn offering_named(
        &self,
        kind: OfferingKind,
        name: Label,
    ) -> Result<Offering, StoreError> {
        self.read(move |session| {
            let found = find(session, kind, "name", name.as_str())?;
            found.ok_or_else(|| StoreError::no_offering(kind.title(), &name))
        })
        .await
    }

    /// Creates a flavor or an availability zone.
    ///
    /// # Errors
    ///
    /// [`StoreError::OfferingTaken`]; [`StoreError::Violation`] if there is no such profile.
    pub async fn create_offering(&self, offering: Offering) -> Result<(), StoreError> {
        self.write(move |session| create(session, &offering)).await
    }

    /// Changes a flavor or an availability zone to what `edit` makes of it; how it is afterwards.
    /// Load balancers that name it keep what they were given.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoOffering`], [`StoreError::OfferingTaken`], and those of `edit`.
    pub async fn update_offering(
        &self,
        kind: OfferingKind,
        id: OfferingId,
        edit: impl Fn(&Offering) -> Result<Offering, Violation> + Send + Sync + 'static,
    ) -> Result<Offering, StoreError> {
        self.write(move |session| {
            let wanted = edit(&get(session, kind, id)?)?;
            replace(session, &wanted)?;
            Ok(wanted)
        })
        .await
    }

    /// Deletes a flavor or an availability zone that no load balancer names. One that is being
    /// deleted still names it.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoOffering`], [`StoreError::OfferingInUse`].
    pub async fn delete_offering(
        &self,
        kind: OfferingKind,
        id: OfferingId,
    ) -> Result<(), StoreError> {
        self.write(move |session| delete(session, kind, id)).await
    }
}
