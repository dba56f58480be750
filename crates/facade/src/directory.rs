//! Who there is: users and projects, and the tokens they hold.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use evenkeel_model::ProjectId;
use evenkeel_vault::PasswordHash;
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
    /// Its name.
    pub name: &'static str,
    /// How he proves who he is.
    pub password: Password,
    /// The project that a token is for when none is named.
    pub home: &'static str,
    /// His roles.
    pub roles: &'static [&'static str],
    /// Whether he has them in every project.
    pub everywhere: bool,
}

/// How a user proves who he is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Password {
    /// Any password is right: for trying out.
    Any,
    /// By the one that this was made of.
    Kept(PasswordHash),
}

/// Who there is. Said once in the life of a process, and not changed in it.
#[derive(Clone, Copy, Debug)]
pub struct People {
    /// The projects.
    pub projects: &'static [Project],
    /// The users; the home of each is one of the projects.
    pub users: &'static [User],
}

/// Whom everybody can be who tries things out: [`USERS`], with any password.
impl Default for People {
    fn default() -> Self {
        Self { projects: &PROJECTS, users: &USERS }
    }
}

/// The projects there are where nobody says anything else.
pub const PROJECTS: [Project; 3] = [
    Project { id: "d0000000000000000000000000000001", name: "demo" },
    Project { id: "d0000000000000000000000000000002", name: "alt" },
    Project { id: "d0000000000000000000000000000003", name: "admin" },
];

/// The users there are where nobody says anything else.
pub const USERS: [User; 4] = [
    User {
        id: "e0000000000000000000000000000001",
        name: "admin",
        password: Password::Any,
        home: "admin",
        roles: &["admin", "member", "reader"],
        everywhere: true,
    },
    User {
        id: "e0000000000000000000000000000002",
        name: "demo",
        password: Password::Any,
        home: "demo",
        roles: &["member", "reader"],
        everywhere: false,
    },
    User {
        id: "e0000000000000000000000000000003",
        name: "alt",
        password: Password::Any,
        home: "alt",
        roles: &["member", "reader"],
        everywhere: false,
    },
    User {
        id: "e0000000000000000000000000000004",
        name: "reader",
        password: Password::Any,
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
    people: People,
    tokens: Arc<Mutex<Tokens>>,
}

#[derive(Debug, Default)]
struct Tokens {
    principals: HashMap<String, Principal>,
    by_age: VecDeque<String>,
}

/// The user with this name or id, of those who are there where nobody says anything else.
pub fn user(name_or_id: &str) -> Option<User> {
    Directory::default().user(name_or_id)
}

/// The project with this name or id, of those that are there where nobody says anything else.
pub fn project(name_or_id: &str) -> Option<Project> {
    Directory::default().project(name_or_id)
}

impl User {
    /// Whether he has his roles there.
    pub fn works_in(&self, project: Project) -> bool {
        self.everywhere || self.home == project.name
    }
}

impl Password {
    /// Whether `password` is right. That takes some tenths of a second of work, by design.
    pub fn is(&self, password: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Kept(hash) => hash.is_of(password.as_bytes()),
        }
    }
}

impl Directory {
    /// A directory of these people, who hold no token yet.
    pub fn of(people: People) -> Self {
        Self { people, tokens: Arc::default() }
    }

    /// Who there is.
    pub const fn people(&self) -> People {
        self.people
    }

    /// The user with this name or id.
    pub fn user(&self, name_or_id: &str) -> Option<User> {
        let is_he = |user: &&User| user.name == name_or_id || user.id == name_or_id;
        self.people.users.iter().find(is_he).copied()
    }

    /// The project with this name or id.
    pub fn project(&self, name_or_id: &str) -> Option<Project> {
        let is_it = |it: &&Project| it.name == name_or_id || it.id == name_or_id;
        self.people.projects.iter().find(is_it).copied()
    }

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
