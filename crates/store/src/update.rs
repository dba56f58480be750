//! Changing what is there: the same way for every kind, but for what else it touches.

use evenkeel_model::tls::{Slot, TlsOwner};
use evenkeel_model::{
    HealthMonitor, L7Policy, L7Rule, Listener, LoadBalancer, Member, Pool, Record, ResourceKind,
    Violation,
};

use crate::change::{Opened, check_parent, check_stays, mark, mark_users, open, open_itself};
use crate::create::{default_pool_fits, mark_policy, open_pool};
use crate::engine::Session;
use crate::insert::replace;
use crate::stored::{Stored, get};
use crate::{Furnish, StoreError, material, position, rules};

/// What a resource becomes of what it is. It may be asked again, and must then say the same.
pub type Edit<T> = Box<dyn Fn(&T) -> Result<T, Violation> + Send + Sync>;

/// How a kind of resource is changed and deleted.
pub trait Changed: Stored {
    /// Asks the rules between `new`, as it becomes, and others; most have none.
    ///
    /// # Errors
    ///
    /// The rule that would be broken.
    fn check(_session: &mut Session<'_>, _old: &Self, _new: &Self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Begins a change of `value`: what else it touches is marked.
    ///
    /// # Errors
    ///
    /// [`StoreError::Immutable`], [`StoreError::InvalidState`].
    fn open(session: &mut Session<'_>, value: &Self) -> Result<Opened, StoreError>;

    /// Makes room for `new` among others; most need none.
    ///
    /// # Errors
    ///
    /// Only the database's.
    fn place(_session: &mut Session<'_>, _old: &Self, new: Self) -> Result<Self, StoreError> {
        Ok(new)
    }

    /// Where it uses material, if it is of a kind that can.
    fn tls(&self) -> Option<(TlsOwner, Vec<Slot>)> {
        None
    }
}

/// Changes a resource; its record afterwards.
pub(crate) fn update<T: Changed>(
    session: &mut Session<'_>,
    id: T::Id,
    edit: &dyn Fn(&T) -> Result<T, Violation>,
    furnish: &Furnish,
) -> Result<Record<T>, StoreError> {
    let old = get::<T>(session, id)?.value;
    // A request that contradicts itself, or the graph, is told so whatever the state.
    let new = edit(&old)?;
    T::check(session, &old, &new)?;
    check_stays_for_update::<T>(session, id)?;
    let opened = T::open(session, &old)?;
    let new = T::place(session, &old, new)?;
    replace(session, &new)?;
    mark::<T>(session, id, &opened)?;
    if let Some((owner, slots)) = new.tls() {
        material::keep(session, opened.load_balancer, owner, &slots, furnish)?;
    }
    get(session, id)
}

fn check_stays_for_update<T: Changed>(
    session: &mut Session<'_>,
    id: T::Id,
) -> Result<(), StoreError> {
    // A load balancer has words of its own for this.
    if T::KIND == ResourceKind::LoadBalancer {
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
    fn check(session: &mut Session<'_>, old: &Self, new: &Self) -> Result<(), StoreError> {
        // One that it has already may be on its way out, and stays its own until then.
        if new.default_pool == old.default_pool { Ok(()) } else { default_pool_fits(session, new) }
    }

    fn open(session: &mut Session<'_>, value: &Self) -> Result<Opened, StoreError> {
        open(session, value.load_balancer)
    }

    fn tls(&self) -> Option<(TlsOwner, Vec<Slot>)> {
        Some((TlsOwner::Listener(self.id), self.tls.slots(self.id)))
    }
}

impl Changed for Pool {
    fn open(session: &mut Session<'_>, value: &Self) -> Result<Opened, StoreError> {
        let opened = open(session, value.load_balancer)?;
        mark_users(session, value.id, &opened)?;
        Ok(opened)
    }

    fn tls(&self) -> Option<(TlsOwner, Vec<Slot>)> {
        Some((TlsOwner::Pool(self.id), self.tls.slots(self.id)))
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
    fn check(session: &mut Session<'_>, _: &Self, new: &Self) -> Result<(), StoreError> {
        rules::action_fits(session, new.listener, &new.action).map(drop)
    }

    fn open(session: &mut Session<'_>, value: &Self) -> Result<Opened, StoreError> {
        let (load_balancer, _) = rules::listener_of(session, value.listener)?;
        let opened = open(session, load_balancer)?;
        check_stays::<Listener>(session, value.listener)?;
        mark::<Listener>(session, value.listener, &opened)?;
        Ok(opened)
    }

    fn place(session: &mut Session<'_>, old: &Self, mut new: Self) -> Result<Self, StoreError> {
        if new.position != old.position {
            new.position = position::make_room(session, new.listener, new.id, new.position)?;
        }
        Ok(new)
    }
}

impl Changed for L7Rule {
    fn check(session: &mut Session<'_>, _: &Self, new: &Self) -> Result<(), StoreError> {
        rules::has_room_for_regex(session, new)
    }

    fn open(session: &mut Session<'_>, value: &Self) -> Result<Opened, StoreError> {
        let standing = check_parent::<L7Policy>(session, value.policy)?;
        let opened = open(session, standing.load_balancer)?;
        mark_policy(session, value.policy, &opened)?;
        Ok(opened)
    }
}
