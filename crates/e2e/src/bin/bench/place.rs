//! Where the files of a load balancer are.

use std::path::{Path, PathBuf};

use anyhow::bail;

/// The directory of the site of a load balancer, in the data of a lab.
pub(crate) fn site(data: &Path, id: &str) -> anyhow::Result<PathBuf> {
    let site = data.join("agent/sites").join(id);
    if site.is_dir() { Ok(site) } else { bail!("{id} has no site") }
}

/// The configuration file of a load balancer.
pub(crate) fn configuration(data: &Path, id: &str) -> anyhow::Result<String> {
    Ok(std::fs::read_to_string(site(data, id)?.join("haproxy.cfg"))?)
}
