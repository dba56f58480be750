//! Who there is, by the word of the operator: users, projects, and what is kept of passwords.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::{Context, bail, ensure};
use evenkeel_facade::directory::{Password, People, Project, User};
use evenkeel_model::ProjectId;
use evenkeel_vault::PasswordHash;
use serde::Deserialize;

use crate::config::parse;

/// The file that says who there is.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Register {
    projects: Vec<ProjectEntry>,
    users: Vec<UserEntry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProjectEntry {
    /// 32 hexadecimal digits, as Keystone writes ids.
    id: String,
    name: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct UserEntry {
    id: String,
    name: String,
    /// As `evenkeel password` prints it.
    password: String,
    /// The project that he works in, and that a token is for when none is named.
    project: String,
    roles: Vec<String>,
    /// Whether he works in every project.
    #[serde(default)]
    everywhere: bool,
}

/// Who there is, as the file `path` says.
///
/// # Errors
///
/// The file cannot be read, others may read it, or it contradicts itself.
pub(super) fn people(path: &Path) -> anyhow::Result<People> {
    let shown = path.display();
    let found = fs::metadata(path)
        .with_context(|| format!("could not read {shown}, which says who may use the API"))?;
    if found.mode() & 0o077 != 0 {
        bail!("{shown} can be read by others, and passwords can be guessed from it: chmod 0600 it");
    }
    let text = fs::read_to_string(path).with_context(|| format!("could not read {shown}"))?;
    let register: Register = parse(&text, path)?;
    register.people().with_context(|| format!("{shown}"))
}

impl Register {
    fn people(self) -> anyhow::Result<People> {
        let projects = self.projects.into_iter().map(ProjectEntry::project);
        let projects = projects.collect::<anyhow::Result<Vec<_>>>()?;
        let users = self.users.into_iter().map(|user| user.user(&projects));
        let users = users.collect::<anyhow::Result<Vec<_>>>()?;
        ensure!(!users.is_empty(), "nobody is in it: [[users]] says who may use the API");
        once("project", projects.iter().flat_map(|it| [it.id, it.name]))?;
        once("user", users.iter().flat_map(|it| [it.id, it.name]))?;
        // For as long as the process lives, as is said of them.
        Ok(People { projects: projects.leak(), users: users.leak() })
    }
}

/// Ids and names are looked up alike, so that all of them must differ.
fn once<'a>(kind: &str, all: impl Iterator<Item = &'a str>) -> anyhow::Result<()> {
    let mut seen = std::collections::BTreeSet::new();
    for it in all {
        ensure!(seen.insert(it), "two {kind}s have the id or name {it}");
    }
    Ok(())
}

impl ProjectEntry {
    fn project(self) -> anyhow::Result<Project> {
        let fits = self.id.len() == 32 && ProjectId::new(&self.id).is_some();
        ensure!(fits, "project {}: its id is not of 32 hexadecimal digits", self.name);
        Ok(Project { id: self.id.leak(), name: self.name.leak() })
    }
}

impl UserEntry {
    fn user(self, projects: &[Project]) -> anyhow::Result<User> {
        let hash: PasswordHash =
            self.password.parse().with_context(|| format!("user {}", self.name))?;
        let home = projects.iter().find(|it| it.name == self.project || it.id == self.project);
        let home = home
            .with_context(|| format!("user {}: there is no project {}", self.name, self.project))?;
        let roles: Vec<&'static str> = self.roles.into_iter().map(|it| &*it.leak()).collect();
        Ok(User {
            id: self.id.leak(),
            name: self.name.leak(),
            password: Password::Kept(hash),
            home: home.name,
            roles: roles.leak(),
            everywhere: self.everywhere,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const ID: &str = "a0000000000000000000000000000001";

    fn read(project: &str, mode: u32) -> anyhow::Result<People> {
        let file = tempfile::NamedTempFile::new().unwrap();
        let hash = PasswordHash::of_nobody();
        let text = format!(
            "projects = [{{ id = '{ID}', name = 'web' }}]\n[[users]]\nid = 'u1'\nname = 'eve'\n\
             password = '{hash}'\nproject = '{project}'\nroles = ['member']\n"
        );
        fs::write(file.path(), text).unwrap();
        fs::set_permissions(file.path(), fs::Permissions::from_mode(mode)).unwrap();
        people(file.path())
    }

    #[test]
    fn users_work_in_their_projects() {
        let people = read("web", 0o600).unwrap();
        assert_eq!(people.users[0].home, "web");
        assert!(people.users[0].works_in(people.projects[0]));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        assert!(read("web", 0o644).unwrap_err().to_string().contains("chmod 0600"));
        assert!(
            format!("{:#}", read("nowhere", 0o600).unwrap_err()).contains("no project nowhere")
        );
        assert!(people(Path::new("/nowhere")).is_err());
    }
}
