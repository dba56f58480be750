//! The operator's HAProxy template, looked at before anything is served with it.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use evenkeel_haproxy::Template;

/// The template in the file `path`: it can be parsed, and `haproxy` takes a sample with it, for
/// which `scratch` is a directory that may be written in. A HAProxy that is not installed yet is not
/// asked; it will refuse each load balancer by itself.
///
/// # Errors
///
/// The template cannot be used; the message says where, and what helps.
pub(crate) async fn checked(
    path: &Path,
    haproxy: &Path,
    scratch: &Path,
) -> anyhow::Result<Arc<Template>> {
    let named = || format!("the template {}", path.display());
    let template = Template::read(path).with_context(named)?;
    if haproxy.is_file() {
        let directory = scratch.join("template-check");
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir(&directory)
            .with_context(|| format!("could not make {}", directory.display()))?;
        let outcome = template.check(haproxy, &directory).await;
        let _ = fs::remove_dir_all(&directory);
        outcome.with_context(named)?;
    }
    Ok(Arc::new(template))
}
