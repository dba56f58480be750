//! Who there is: a few users and projects, and the tokens they hold.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use evenkeel_model::ProjectId;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// How long a token lives.
pub const TOKEN_LIFE: Duration = Duration::hours(24);

/// How many tokens are kept; the oldest goes when one more is issued.
const TOKENS: usize = 10_000;

/// A project.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Project {
    /// Its id, as Keystone writes ids.
    pub id: &'static str,
    /// Its name.
    pub name: &'static str,
}

/// A user, and what he may do where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct User {
    /// Its id, as Keystone writes ids.
    pub id: &'static str,
    /// Its name; any password is right.
    pub name: &'static str,
    /// The project that a token is for when none is named.
    pub home: &'static str,
    /// His roles.
    pub roles: &'static [&'static str],
    /// Whether he has them in every project.
    pub everywhere: bool,
}

/// The projects there are.
pub const PROJECTS: [Project; 3] = [
    Project { id: "d0000000000000000000000000000001", name: "demo" },
    Project { id: "d0000000000000000000000000000002", name: "alt" },
    Project { id: "d0000000000000000000000000000003", name: "admin" },
];

/// The users there are.
pub const USERS: [User; 4] = [
    User {
        id: "e0000000000000000000000000000001",
        name: "admin",
        home: "admin",
        roles: &["admin", "member", "reader"],
        everywhere: true,
    },
    User {
        id: "e0000000000000000000000000000002",
        name: "demo",
        home: "demo",
        roles: &["member", "reader"],
        everywhere: false,
    },
    User {
        id: "e0000000000000000000000000000003",
        name: "alt",
        home: "alt",
        roles: &["member", "reader"],
        everywhere: false,
    },
    User {
        id: "e0000000000000000000000000000004",
        name: "reader",
        home: "demo",
        roles: &["reader"],
        everywhere: false,
    },
];

/// Who a token speaks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The user.
    pub user: User,
    /// The project that the token is for.
    pub project: Project,
    /// Until when it is good.
    pub expires: OffsetDateTime,
    /// Since when it is.
    pub issued: OffsetDateTime,
}

impl Principal {
    /// The project's id, as the model has it.
    pub fn project_id(&self) -> ProjectId {
        ProjectId::new(self.project.id).expect("a fixed id has 32 characters")
    }
}

/// The users, the projects and the tokens that were issued. Clones share the tokens.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    tokens: Arc<Mutex<Tokens>>,
}

#[derive(Debug, Default)]
struct Tokens {
    principals: HashMap<String, Principal>,
    by_age: VecDeque<String>,
}

/// The user with this name or id.
pub fn user(name_or_id: &str) -> Option<User> {
    USERS.into_iter().find(|user| user.name == name_or_id || user.id == name_or_id)
}

/// The project with this name or id.
pub fn project(name_or_id: &str) -> Option<Project> {
    PROJECTS.into_iter().find(|project| project.name == name_or_id || project.id == name_or_id)
}

impl User {
    /// Whether he has his roles there.
    pub fn works_in(&self, project: Project) -> bool {
        self.everywhere || self.home == project.name
    }

    /// The project that a token is for when none is named.
    pub fn home_project(&self) -> Project {
        project(self.home).expect("each user's home is one of the projects")
    }
}

impl Directory {
    /// A token for `user` in `project`. Whether he works there was asked before.
    pub fn issue(&self, user: User, project: Project) -> (String, Principal) {
        let issued = OffsetDateTime::now_utc();
        let principal = Principal { user, project, expires: issued + TOKEN_LIFE, issued };
        let token = Uuid::new_v4().simple().to_string();
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        if tokens.by_age.len() >= TOKENS
            && let Some(oldest) = tokens.by_age.pop_front()
        {
            tokens.principals.remove(&oldest);
        }
        tokens.by_age.push_back(token.clone());
        tokens.principals.insert(token.clone(), principal);
        (token, principal)
    }

    /// Who the token speaks for; nobody if it is unknown, revoked or too old.
    pub fn validate(&self, token: &str) -> Option<Principal> {
        let tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        let principal = tokens.principals.get(token).copied()?;
        (principal.expires > OffsetDateTime::now_utc()).then_some(principal)
    }

    /// Ends a token. An unknown one is ended already.
    pub fn revoke(&self, token: &str) {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.principals.remove(token);
        tokens.by_age.retain(|known| known != token);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_carries_its_project_until_it_is_revoked() {
        let directory = Directory::default();
        let (token, _) = directory.issue(user("demo").unwrap(), project("demo").unwrap());
        assert_eq!(directory.validate(&token).unwrap().project.name, "demo");
        directory.revoke(&token);
        assert_eq!(directory.validate(&token), None);
        assert_eq!(directory.validate("guess"), None);
    }

    #[test]
    fn only_the_admin_works_everywhere() {
        let alt = project("alt").unwrap();
        assert!(user("admin").unwrap().works_in(alt));
        assert!(!user("demo").unwrap().works_in(alt));
    }

    #[test]
    fn the_oldest_token_makes_room() {
        let directory = Directory::default();
        let (user, project) = (user("demo").unwrap(), project("demo").unwrap());
        let (first, _) = directory.issue(user, project);
        for _ in 0..TOKENS {
            directory.issue(user, project);
        }
        assert_eq!(directory.validate(&first), None);
    }
}
