//! The one place where it is decided who may do what, asked with the project of the loaded object.

use std::collections::BTreeMap;

use evenkeel_model::ProjectId;

use crate::config::{PolicyConfig, RoleStyle};
use crate::http::caller::Caller;
use crate::http::policy::{Action, Class, RULES};

/// The caller may not do this: HTTP 403, with the contract's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Policy does not allow this request to be performed.")]
pub struct Forbidden;

/// The policy of the configuration names something that does not exist.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPolicy {
    /// A call that does not exist.
    #[error("policy.rules: there is no call named {0}")]
    UnknownAction(String),
    /// A class that does not exist.
    #[error("policy.rules: there is no class named {class} (for {action}); known are {known}")]
    UnknownClass {
        /// The call it was given for.
        action: String,
        /// As it was written.
        class: String,
        /// What could have been written.
        known: String,
    },
}

/// Gives permission, or does not.
#[derive(Clone, Debug)]
pub struct Gate {
    style: RoleStyle,
    rules: BTreeMap<Action, Class>,
}

impl Gate {
    /// The gate of a configuration.
    ///
    /// # Errors
    ///
    /// A rule for a call that does not exist, or of a class that does not: a typing error there
    /// must not open or close anything silently.
    pub fn new(config: &PolicyConfig) -> Result<Self, BadPolicy> {
        let mut rules = BTreeMap::new();
        let mut names = BTreeMap::new();
        for (subject, guarded) in RULES {
            for (verb, class) in guarded.iter().copied().flatten() {
                let action = Action(*subject, *verb);
                rules.insert(action, *class);
                names.insert(action.name(), action);
            }
        }
        for (name, word) in &config.rules {
            let action = names.get(name).ok_or_else(|| BadPolicy::UnknownAction(name.clone()))?;
            rules.insert(*action, class(name, word)?);
        }
        Ok(Self { style: config.style, rules })
    }

    /// Whether `caller` may do this with an object of `project`; `None` for what belongs to no
    /// project.
    ///
    /// # Errors
    ///
    /// [`Forbidden`] unless a rule says that he may.
    pub fn allow(
        &self,
        caller: &Caller,
        action: Action,
        project: Option<&ProjectId>,
    ) -> Result<(), Forbidden> {
        let allowed = self.rules.get(&action).is_some_and(|class| {
            let who = Persona { style: self.style, caller, project };
            caller.is_admin || who.passes(*class)
        });
        if allowed { Ok(()) } else { Err(Forbidden) }
    }
}

fn class(action: &str, word: &str) -> Result<Class, BadPolicy> {
    Class::ALL.into_iter().find(|class| class.word() == word).ok_or_else(|| {
        BadPolicy::UnknownClass {
            action: action.to_owned(),
            class: word.to_owned(),
            known: Class::ALL.map(Class::word).join(", "),
        }
    })
}

/// A caller before an object (contract 5.2).
struct Persona<'a> {
    style: RoleStyle,
    caller: &'a Caller,
    project: Option<&'a ProjectId>,
}

impl Persona<'_> {
    fn passes(&self, class: Class) -> bool {
        match class {
            Class::Read => self.reads(),
            Class::ReadOrService => self.reads() || self.caller.service_roles.contains("service"),
            Class::ReadGlobal => self.global_observer() || self.admin(),
            Class::Write => self.member() || self.admin(),
            Class::ReadQuota => self.reads() || self.quota_admin(),
            Class::ReadQuotaGlobal => self.global_observer() || self.quota_admin() || self.admin(),
            Class::WriteQuota => self.quota_admin() || self.admin(),
            Class::Admin => self.admin(),
        }
    }

    fn reads(&self) -> bool {
        self.observer() || self.global_observer() || self.member() || self.admin()
    }

    fn has(&self, role: &str) -> bool {
        self.caller.roles.contains(role)
    }

    /// What belongs to no project belongs to everybody who has one.
    fn owns(&self) -> bool {
        match (&self.caller.project, self.project) {
            (Some(own), Some(project)) => own == project,
            (Some(_), None) => true,
            (None, _) => false,
        }
    }

    fn observer(&self) -> bool {
        self.owns()
            && match self.style {
                RoleStyle::Default => self.has("reader"),
                RoleStyle::Advanced => self.has("load-balancer_observer"),
                RoleStyle::OwnerOrAdmin => true,
            }
    }

    fn member(&self) -> bool {
        self.owns()
            && match self.style {
                RoleStyle::Default => self.has("member"),
                RoleStyle::Advanced => self.has("load-balancer_member"),
                RoleStyle::OwnerOrAdmin => true,
            }
    }

    fn global_observer(&self) -> bool {
        match self.style {
            RoleStyle::Default | RoleStyle::OwnerOrAdmin => self.admin(),
            RoleStyle::Advanced => self.has("load-balancer_global_observer"),
        }
    }

    fn quota_admin(&self) -> bool {
        match self.style {
            RoleStyle::Default | RoleStyle::OwnerOrAdmin => self.admin(),
            RoleStyle::Advanced => self.has("load-balancer_quota_admin"),
        }
    }

    fn admin(&self) -> bool {
        match self.style {
            RoleStyle::Default => self.has("admin"),
            RoleStyle::Advanced | RoleStyle::OwnerOrAdmin => {
                self.has("admin") || self.has("load-balancer_admin")
            }
        }
    }
}

#[cfg(test)]
mod tests;
