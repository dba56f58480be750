//! HAProxy and nft, asked and tried; and Neutron's programs, looked for.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use evenkeel_plug::names;
use evenkeel_plumbing::{Confinement, Lifetime, Namespaces, Program};

use super::PATIENCE;
use crate::doctor::facts::{Haproxy, Routers};
use crate::doctor::finding::Trial;

/// What translates addresses, as for a floating one, in a network that ends with the program.
const TRANSLATION: &str = "add table inet t; \
    add chain inet t in { type nat hook prerouting priority dstnat; }; \
    add chain inet t out { type nat hook postrouting priority srcnat; }; \
    add rule inet t in ip daddr 192.0.2.1 dnat ip to 192.0.2.2; \
    add rule inet t out ip saddr 192.0.2.2 snat ip to 192.0.2.1; \
    add chain inet t back { type filter hook prerouting priority mangle; }; \
    add rule inet t back meta mark set ct mark";

pub(super) async fn haproxy(path: &Path) -> Result<Haproxy, String> {
    if !path.is_file() {
        return Err(format!("{} is not there", path.display()));
    }
    match program(path, &["-vv"]).run(PATIENCE).await {
        Ok(ended) if ended.succeeded => Ok(read(path, &ended.said)),
        Ok(ended) => Err(format!("{} does not run: {}", path.display(), ended.said.trim())),
        Err(error) => Err(format!("{} does not run: {error}", path.display())),
    }
}

fn read(path: &Path, said: &str) -> Haproxy {
    let version = said.split_whitespace().skip_while(|word| *word != "version").nth(1);
    let mut numbers = version.unwrap_or_default().split('.').map(str::parse);
    let version = match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => Some((major, minor)),
        _ => None,
    };
    let features = said.lines().find_map(|line| line.strip_prefix("Feature list :"));
    let built_in = features.unwrap_or_default().split_whitespace();
    Haproxy {
        path: path.to_owned(),
        version,
        features: built_in.filter_map(|it| it.strip_prefix('+')).map(str::to_owned).collect(),
    }
}

pub(super) async fn nft() -> Trial {
    let Some(nft) = ["/usr/sbin/nft", "/sbin/nft", "/usr/bin/nft"]
        .map(Path::new)
        .into_iter()
        .find(|it| it.is_file())
    else {
        return Trial::Fails("nft is not there".to_owned());
    };
    let nft = nft.to_string_lossy();
    let tried = program(Path::new("/usr/bin/unshare"), &["--net", "--", &nft, TRANSLATION]);
    match tried.run(PATIENCE).await {
        Ok(ended) if ended.succeeded => Trial::Works,
        Ok(ended) if ended.said.contains("Operation not permitted") => {
            Trial::Untried("no right to look".to_owned())
        }
        Ok(ended) => Trial::Fails(ended.said.lines().next().unwrap_or("nft fails").to_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Trial::Untried("there is no /usr/bin/unshare".to_owned())
        }
        Err(error) => Trial::Fails(error.to_string()),
    }
}

/// Neutron's routers, and who makes them. They are called as ours are, by their prefix.
pub(super) fn routers(namespaces: &Path) -> Routers {
    let all = Namespaces::new(namespaces).list(names::ROUTER).unwrap_or_default();
    let is_strange = |mark: &Option<String>| mark.as_deref().is_some_and(|it| !names::is_mark(it));
    Routers {
        agent_runs: is_running("neutron-l3-agent"),
        strange: all.iter().filter(|(_, mark)| is_strange(mark)).count(),
    }
}

/// Whether a program of this name runs, or a script of this name by Python, as Neutron's are.
pub(super) fn is_running(name: &str) -> bool {
    let is_it = |line: Vec<u8>| {
        let mut words = line.split(|byte| *byte == 0).map(|word| {
            let last = word.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
            String::from_utf8_lossy(last).into_owned()
        });
        let program = words.next().unwrap_or_default();
        program == name || program.starts_with("python") && words.any(|word| word == name)
    };
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes.filter_map(|it| fs::read(it.path().join("cmdline")).ok()).any(is_it)
}

fn program(path: &Path, arguments: &[&str]) -> Program {
    Program {
        path: path.to_owned(),
        arguments: arguments.iter().map(OsString::from).collect(),
        directory: PathBuf::from("/"),
        lifetime: Lifetime::WithParent,
        confinement: Confinement::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn haproxy_tells_its_version_and_features() {
        let said = "HAProxy version 2.6.12-1+deb12u4 2026/10/17 - https://haproxy.org/\n\
                    Feature list : -51DEGREES +LUA +OPENSSL -QUIC\n";
        let found = read(Path::new("/h"), said);
        assert_eq!(found.version, Some((2, 6)));
        assert_eq!(found.features.into_iter().collect::<Vec<_>>(), ["LUA", "OPENSSL"]);
        assert_eq!(read(Path::new("/h"), "nonsense").version, None);
    }

    #[test]
    fn programs_are_found_by_how_they_were_started() {
        let own = std::env::current_exe().unwrap();
        assert!(is_running(own.file_name().unwrap().to_str().unwrap()));
        assert!(!is_running("no program has this name"));
    }
}
