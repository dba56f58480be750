//! Replacing the members of a pool in one call (contract 2.4).

use std::collections::BTreeSet;
use std::sync::Arc;

use evenkeel_model::number::PortNumber;
use evenkeel_model::{Member, MemberId, Pool, PoolId, ResourceKind, Violation};

use crate::StoreError;
use crate::change::{check_parent, mark, mark_deleted};
use crate::create::{open_pool, put_member};
use crate::engine::Session;
use crate::insert::replace;
use crate::quota;
use crate::stored::{get, of_load_balancer};

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

/// What tells members apart.
fn key(member: &Member) -> (String, PortNumber) {
    (member.address.spelling().to_owned(), member.protocol_port)
}

/// Makes the members of `pool` what `wishes` say; with `additive`, others stay.
pub(crate) fn replace_members(
    session: &mut Session<'_>,
    pool: PoolId,
    wishes: &[MemberWish],
    additive: bool,
) -> Result<(), StoreError> {
    let standing = check_parent::<Pool>(session, pool)?;
    let there: Vec<Member> = of_load_balancer::<Member>(session, standing.load_balancer)?
        .into_iter()
        .filter(|record| record.value.pool == pool)
        .filter(|record| {
            record.provisioning_status != evenkeel_model::status::ProvisioningStatus::PendingDelete
        })
        .map(|record| record.value)
        .collect();
    let mut changed: Vec<Member> = Vec::new();
    let mut added: Vec<&Member> = Vec::new();
    let mut named: BTreeSet<MemberId> = BTreeSet::new();
    for wish in wishes {
        let Some(member) = there.iter().find(|member| key(member) == key(&wish.new)) else {
            added.push(&wish.new);
            continue;
        };
        if !named.insert(member.id) {
            let text = "Member must be updated only once in the same request.";
            return Err(Violation::rule(text).into());
        }
        let wanted = (wish.change)(member);
        if wanted != *member {
            changed.push(wanted);
        }
    }
    let gone: Vec<MemberId> = there
        .iter()
        .filter(|member| !additive && !named.contains(&member.id))
        .map(|member| member.id)
        .collect();
    if changed.is_empty() && added.is_empty() && gone.is_empty() {
        return Ok(());
    }
    let opened = open_pool(session, pool)?;
    for member in &changed {
        replace(session, member)?;
        mark::<Member>(session, member.id, &opened)?;
    }
    for member in &gone {
        mark_deleted::<Member>(session, *member, &opened)?;
    }
    let growth = added.len().saturating_sub(gone.len());
    quota::check(session, &opened.project, ResourceKind::Member, growth as u64)?;
    for member in added {
        put_member(session, member, &opened)?;
    }
    get::<Pool>(session, pool).map(drop)
}
