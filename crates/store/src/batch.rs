//! Replacing the members of a pool in one call (contract 2.4).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use evenkeel_model::number::PortNumber;
use evenkeel_model::{Member, MemberId, Pool, PoolId, ResourceKind, Violation};

use crate::StoreError;
use crate::change::{check_parent, mark, mark_deleted};
use crate::create::{open_pool, put_member};
use crate::engine::{Session, values};
use crate::insert::replace;
use crate::quota;
use crate::stored::{records, select};

/// One member that shall be.
#[derive(Clone)]
pub struct MemberWish {
    /// The member, if there is none with its address, as it is spelt, and port.
    pub new: Member,
    /// What the one that is there becomes.
    pub change: Arc<dyn Fn(&Member) -> Member + Send + Sync>,
}

impl std::fmt::Debug for MemberWish {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemberWish").field("new", &self.new).finish_non_exhaustive()
    }
}

/// What the wishes mean for the members that are there.
#[derive(Default)]
struct Difference<'a> {
    added: Vec<&'a Member>,
    changed: Vec<Member>,
    gone: Vec<MemberId>,
}

/// Makes the members of `pool` what `wishes` say; with `additive`, others stay.
pub(crate) fn replace_members(
    session: &mut Session<'_>,
    pool: PoolId,
    wishes: &[MemberWish],
    additive: bool,
) -> Result<(), StoreError> {
    check_parent::<Pool>(session, pool)?;
    let there = staying(session, pool)?;
    let Difference { added, changed, gone } = difference(&there, wishes, additive)?;
    if changed.is_empty() && added.is_empty() && gone.is_empty() {
        return Ok(());
    }
    let opened = open_pool(session, pool)?;
    let growth = added.len().saturating_sub(gone.len());
    quota::check(session, &opened.project, ResourceKind::Member, growth as u64)?;
    for member in &changed {
        replace(session, member)?;
        mark::<Member>(session, member.id, &opened)?;
    }
    for member in gone {
        mark_deleted::<Member>(session, member, &opened)?;
    }
    added.into_iter().try_for_each(|member| put_member(session, member, &opened))
}

/// The members that shall not go, oldest first.
fn staying(session: &mut Session<'_>, pool: PoolId) -> Result<Vec<Member>, StoreError> {
    let sql = format!(
        "{} WHERE r.pool_id = ?1 AND r.change <> 'DELETE' ORDER BY r.created_at, r.id",
        select::<Member>()
    );
    let records = records::<Member>(session, &sql, &values![pool])?;
    Ok(records.into_iter().map(|record| record.value).collect())
}

fn difference<'a>(
    there: &[Member],
    wishes: &'a [MemberWish],
    additive: bool,
) -> Result<Difference<'a>, StoreError> {
    let known: BTreeMap<_, &Member> = there.iter().map(|member| (key(member), member)).collect();
    let mut difference = Difference::default();
    let mut named: BTreeSet<MemberId> = BTreeSet::new();
    for wish in wishes {
        let Some(member) = known.get(&key(&wish.new)).copied() else {
            difference.added.push(&wish.new);
            continue;
        };
        if !named.insert(member.id) {
            let text = "Member must be updated only once in the same request.";
            return Err(Violation::rule(text).into());
        }
        let wanted = (wish.change)(member);
        if wanted != *member {
            difference.changed.push(wanted);
        }
    }
    let unnamed = there.iter().map(|member| member.id).filter(|id| !named.contains(id));
    difference.gone = unnamed.filter(|_| !additive).collect();
    Ok(difference)
}

/// What tells members apart: the address as it is spelt.
fn key(member: &Member) -> (&str, PortNumber) {
    (member.address.spelling(), member.protocol_port)
}
