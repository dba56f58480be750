//! The real HAProxy, as a judge of files.

use std::fs;
use std::path::Path;
use std::process::Output;

use evenkeel_haproxy::render::{METRICS_FILE, METRICS_PROGRAM};

/// What `haproxy -c` says of a file with this text.
pub(crate) fn judge(text: &str) -> Output {
    let directory = tempfile::tempdir().unwrap();
    let (file, jail) = (directory.path().join("haproxy.cfg"), directory.path().join("jail"));
    fs::create_dir(&jail).unwrap();
    fs::write(&file, text).unwrap();
    fs::write(directory.path().join("servers.state"), "1\n").unwrap();
    fs::write(directory.path().join(METRICS_FILE), METRICS_PROGRAM).unwrap();
    check(&file, &jail)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the judge runs to its end within the call and leaves nothing behind"
)]
fn check(file: &Path, directory: &Path) -> Output {
    std::process::Command::new("haproxy")
        .arg("-c")
        .arg("-C")
        .arg(directory)
        .arg("-f")
        .arg(file)
        .output()
        .expect("haproxy can be run: apt-get install haproxy")
}

/// Fails unless HAProxy takes the file, without so much as a warning.
pub(crate) fn accepts(text: &str) {
    let output = judge(text);
    let said = String::from_utf8_lossy(&output.stderr);
    let silent = !said.contains("[WARNING]") && !said.contains("[ALERT]");
    assert!(output.status.success() && silent, "{said}\n{text}");
}
