//! Who is held in a state directory, for those who look at it from outside, whether its agent runs
//! or not. Nothing is changed.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use evenkeel_model::LoadBalancerId;

use crate::{ledger, site_directory};

/// A load balancer that an agent holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Which.
    pub id: LoadBalancerId,
    /// What its tenant calls it; empty if it has no name, or if its graph cannot be read.
    pub name: String,
    /// Whether the ledger has it: what has a site only is left over from one that was taken away.
    pub recorded: bool,
    /// The directory of its site, if it has one.
    pub site: Option<PathBuf>,
}

/// The load balancers of a state directory, in the order of their ids.
///
/// # Errors
///
/// It is no state directory, or another user's.
pub fn held(state_directory: &Path) -> io::Result<Vec<Held>> {
    let sites = state_directory.join("sites");
    let mut all = BTreeMap::new();
    for (id, name) in ledger::held(&state_directory.join("ledger"))? {
        all.insert(id, Held { id, name, recorded: true, site: None });
    }
    for (id, _) in site_directory::list(&sites)? {
        let unknown = Held { id, name: String::new(), recorded: false, site: None };
        all.entry(id).or_insert(unknown).site = Some(sites.join(id.to_string()));
    }
    Ok(all.into_values().collect())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Arc;

    use uuid::Uuid;

    use super::*;
    use crate::Disk;
    use crate::site_directory::SiteDirectories;

    #[tokio::test]
    async fn ledger_and_sites_are_told_together() {
        let place = tempfile::tempdir().unwrap();
        assert!(held(place.path()).is_err(), "no state directory");
        let disk = Disk::Simulated(Arc::default());
        let sites = SiteDirectories::open(place.path().join("sites"), disk, None).await.unwrap();
        fs::create_dir(place.path().join("ledger")).unwrap();
        let (known, unknown) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let record = r#"{"epoch":1,"graph":{"load_balancer":{"name":"web"}}}"#;
        fs::write(place.path().join(format!("ledger/{known}.json")), record).unwrap();
        fs::write(place.path().join("ledger/stranger.json"), "{}").unwrap();
        sites.make(unknown.into()).await.unwrap();
        let (known, unknown) = (known.into(), unknown.into());
        let expected = [
            Held { id: known, name: "web".to_owned(), recorded: true, site: None },
            Held {
                id: unknown,
                name: String::new(),
                recorded: false,
                site: Some(sites.path(unknown)),
            },
        ];
        assert_eq!(held(place.path()).unwrap(), expected);
    }
}
