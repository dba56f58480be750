//! The control group (version 2) of each HAProxy: what it may have of the node, and what it has.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use evenkeel_model::LoadBalancerId;

/// Where control groups are made, and what each of them is limited to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupOptions {
    /// The group below which each load balancer gets one of its own, as
    /// `/sys/fs/cgroup/evenkeel`: one that was delegated to the agent, with no process in it.
    pub parent: PathBuf,
    /// The most memory, in bytes, what the kernel keeps for connections included.
    pub memory: Option<u64>,
    /// The most processes and threads, those that finish what they have included.
    pub processes: Option<u32>,
    /// The share of the processor where there is not enough, from 1 to 10000; others have 100.
    pub processor_weight: Option<u16>,
}

impl GroupOptions {
    /// What keeps limits from being set, in a sentence each; nothing, if they can be. The parent is
    /// made with the first load balancer, and then has what is passed on to it.
    pub fn shortcomings(&self) -> Vec<String> {
        let parent = self.parent.display();
        let own = fs::read_to_string(self.parent.join("cgroup.controllers"));
        let above = self.parent.parent().filter(|_| !self.parent.exists());
        let passed_on = above.map(|it| fs::read_to_string(it.join("cgroup.subtree_control")));
        let Ok(there) = passed_on.unwrap_or(own) else {
            return vec![format!(
                "{parent} is no control group of version 2; delegate one to the agent (systemd: \
                 Delegate=yes), or leave it out"
            )];
        };
        let lacks = |controller: &&str| !there.split_whitespace().any(|it| it == *controller);
        let lacking = self.controllers().into_iter().filter(lacks);
        let sentence = |controller| {
            format!("{parent} has no controller {controller}; delegate it to the agent")
        };
        lacking.map(sentence).collect()
    }

    /// The limits as the kernel has them: file and content.
    fn limits(&self) -> Vec<(&'static str, String)> {
        let memory = self.memory.map(|bytes| ("memory.max", bytes.to_string()));
        let processes = self.processes.map(|count| ("pids.max", count.to_string()));
        let weight = self.processor_weight.map(|weight| ("cpu.weight", weight.to_string()));
        memory.into_iter().chain(processes).chain(weight).collect()
    }

    fn controllers(&self) -> Vec<&'static str> {
        let name = |(file, _): (&'static str, String)| file.split('.').next();
        self.limits().into_iter().filter_map(name).collect()
    }

    /// Makes the group of a load balancer, or takes the one that is there, and sets the limits that
    /// can be set: a controller that is missing is [`doctor`](Self::shortcomings)'s to tell.
    pub(crate) fn ensure(&self, id: LoadBalancerId) -> io::Result<PathBuf> {
        let group = self.parent.join(id.to_string());
        fs::create_dir_all(&self.parent)?;
        for controller in self.controllers() {
            set(&self.parent.join("cgroup.subtree_control"), &format!("+{controller}"))?;
        }
        fs::create_dir_all(&group)?;
        for (file, content) in self.limits() {
            set(&group.join(file), &content)?;
        }
        Ok(group)
    }

    /// Removes the group of a load balancer, in which nobody is any more.
    pub(crate) fn remove(&self, id: LoadBalancerId) -> io::Result<()> {
        match fs::remove_dir(self.parent.join(id.to_string())) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }
}

/// Sets what the kernel lets us set.
fn set(file: &Path, content: &str) -> io::Result<()> {
    match fs::OpenOptions::new().write(true).open(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(mut open) => match io::Write::write_all(&mut open, content.as_bytes()) {
            Err(error) => {
                tracing::warn!(file = %file.display(), content, %error, "limit not set");
                Ok(())
            }
            Ok(()) => Ok(()),
        },
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn limits_are_set_where_there_are_controllers() {
        let place = tempfile::tempdir().unwrap();
        let options = GroupOptions {
            parent: place.path().to_owned(),
            memory: Some(1 << 28),
            processes: Some(64),
            processor_weight: Some(50),
        };
        assert!(options.shortcomings()[0].contains("no control group"));
        fs::write(place.path().join("cgroup.controllers"), "cpu memory\n").unwrap();
        let lacking = options.shortcomings();
        assert!(lacking.len() == 1 && lacking[0].contains("controller pids"), "{lacking:?}");
        let unmade = GroupOptions { parent: place.path().join("unmade"), ..options.clone() };
        assert!(unmade.shortcomings()[0].contains("no control group"));
        fs::write(place.path().join("cgroup.subtree_control"), "cpu memory pids\n").unwrap();
        assert_eq!(unmade.shortcomings(), Vec::<String>::new());
        fs::remove_file(place.path().join("cgroup.subtree_control")).unwrap();

        let id = LoadBalancerId::new(Uuid::from_u128(7));
        let group = place.path().join(id.to_string());
        fs::create_dir(&group).unwrap();
        for file in ["memory.max", "cpu.weight"] {
            fs::write(group.join(file), "").unwrap();
        }
        for _ in 0..2 {
            assert_eq!(options.ensure(id).unwrap(), group);
        }
        let read = |file| fs::read_to_string(group.join(file)).unwrap();
        assert_eq!((read("memory.max"), read("cpu.weight")), ("268435456".into(), "50".into()));
        assert!(!group.join("pids.max").exists());
        for file in ["memory.max", "cpu.weight"] {
            fs::remove_file(group.join(file)).unwrap();
        }
        options.remove(id).unwrap();
        options.remove(id).unwrap();
        assert!(!group.exists());
    }
}
