//! The stock clients from PyPI, in a virtual environment under `target/`.

use std::fs;
use std::path::Path;

use anyhow::Context;

use crate::shell::{Run, root, say};

/// Debian's own; another one on the search path may lack what Debian's packages give.
pub(crate) const INTERPRETER: &str = "/usr/bin/python3";

const REQUIREMENTS: &str = "crates/e2e/python/requirements.txt";

/// Makes `target/python` say what the requirements say.
pub(crate) fn install() -> anyhow::Result<()> {
    let wanted = fs::read_to_string(root().join(REQUIREMENTS))
        .with_context(|| format!("cannot read {REQUIREMENTS}"))?;
    let place = root().join("target/python");
    // Written last, so that an interrupted installation is no installation.
    let stamp = place.join("requirements.installed");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    say("set-up: installing the OpenStack clients from PyPI into target/python");
    fill(&place).with_context(|| {
        format!(
            "{} could not be filled; with access to PyPI, remove it and try again",
            place.display()
        )
    })?;
    fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))
}

fn fill(place: &Path) -> anyhow::Result<()> {
    Run::new(INTERPRETER).args(["-m", "venv", "--clear"]).arg(place).run_hushed()?;
    Run::new(place.join("bin/python"))
        .args(["-m", "pip", "install", "--quiet", "--no-input"])
        .args(["--disable-pip-version-check", "--requirement"])
        .arg(root().join(REQUIREMENTS))
        .run_hushed()
}
