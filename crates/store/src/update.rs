//! Changing what is there: the same way for every kind, but for what else it touches.

use evenkeel_model::{
    HealthMonitor, L7Policy, L7Rule, Listener, LoadBalancer, Member, Pool, Record, Violation,
};

use crate::change::{Opened, check_parent, check_stays, mark, mark_users, open, open_itself};
use crate::create::{mark_policy, open_pool};
use crate::engine::Session;
use crate::insert::replace;
use crate::stored::{Stored, get};
use crate::{StoreError, position, rules};

/// What a resource becomes of what it is. It may be asked again, and must then say the same.
pub type Edit<T> = Box<dyn Fn(&T) -> Result<T, Violation> + Send + Sync>;

/// How a kind of resource is changed and deleted.
pub trait Changed: Stored {
    /// Begins a change of `value`: what else it touches is marked.
    ///
    /// # Errors
    ///
    /// [`StoreError::Immutable`], [`StoreError::InvalidState`].
    fn open(session: &mut Session<'_>, value: &Self) -> Result<Opened, StoreError>;

    /// Asks the rules between `value`, as it becomes, and others; most have none.
    ///
    /// # Errors
    ///
    /// The rule that would be broken.
    fn settle_in(
        _session: &mut Session<'_>,
        _old: &Self,
        value: Self,
        _opened: &Opened,
    ) -> Result<Self, StoreError> {
        Ok(value)
    }
}

/// Changes a resource; its record afterwards.
pub(crate) fn update<T: Changed>(
    session: &mut Session<'_>,
    id: T::Id,
    edit: &Edit<T>,
) -> Result<Record<T>, StoreError> {
    let old = get::<T>(session, id)?.value;
    // The edit comes first: a request that contradicts itself says so, whatever the state.
    let new = edit(&old)?;
    check_stays_for_update::<T>(session, id)?;
    let opened = T::open(session, &old)?;
    let new = T::settle_in(session, &old, new, &opened)?;
    replace(session, &new)?;
    mark::<T>(session, id, &opened)?;
    get(session, id)
}

fn check_stays_for_update<T: Changed>(
    session: &mut Session<'_>,
    id: T::Id,
) -> Result<(), StoreError> {
    // A load balancer has words of its own for this.
    if T::KIND == evenkeel_model::ResourceKind::LoadBalancer {
        return Ok(());
    }
    check_stays::<T>(session, id).map(drop)
}

impl Changed for LoadBalancer {
    fn open(session: &mut Session<'_>, value: &Self) -> Result<Opened, StoreError> {
        open_itself(session, value.id, false)
    }
}

impl Changed for Listener {
    fn open(session: &mut Session<'_>, value: &Self) -> Result<Opened, StoreError> {
        open(session, value.load_balancer)
    }

    fn settle_in(
        session: &mut Session<'_>,
        old: &Self,
        value: Self,
        opened: &Opened,
    ) -> Result<Self, StoreError> {
        if let Some(pool) = value.default_pool.filter(|pool| old.default_pool != Some(*pool)) {
            rules::pool_fits(session, opened.load_balancer, value.protocol, pool)?;
        }
        Ok(value)
    }
}

impl Changed for Pool {
    fn open(session: &mut Session<'_>, value: &Self) -> Result<Opened, StoreError> {
        let opened = open(session, value.load_balancer)?;
        mark_users(session, value.id, &opened)?;
        Ok(opened)
    }
}

impl Changed for Member {
    fn open(session: &mut Session<'_>, value: &Self) -> Result<Opened, StoreError> {
        open_pool(session, value.pool)
    }
}

impl Changed for HealthMonitor {
    fn open(session: &mut Session<'_>, value: &Self) -> Result<Opened, StoreError> {
        open_pool(session, value.pool)
    }
}

impl Changed for L7Policy {
    fn open(session: &mut Session<'_>, value: &Self) -> Result<Opened, StoreError> {
        let (load_balancer, _) = rules::listener_of(session, value.listener)?;
        let opened = open(session, load_balancer)?;
        mark::<Listener>(session, value.listener, &opened)?;
        Ok(opened)
    }

    fn settle_in(
        session: &mut Session<'_>,
        old: &Self,
        mut value: Self,
        _: &Opened,
    ) -> Result<Self, StoreError> {
        rules::action_fits(session, value.listener, &value.action)?;
        if value.position != old.position {
            value.position =
                position::make_room(session, value.listener, value.id, value.position)?;
        }
        Ok(value)
    }
}

impl Changed for L7Rule {
    fn open(session: &mut Session<'_>, value: &Self) -> Result<Opened, StoreError> {
        let standing = check_parent::<L7Policy>(session, value.policy)?;
        let opened = open(session, standing.load_balancer)?;
        mark_policy(session, value.policy, &opened)?;
        Ok(opened)
    }
}
