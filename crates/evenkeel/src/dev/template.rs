//! The operator's HAProxy template, looked at before anything is served with it.

use std::fs;
use std::sync::Arc;

use anyhow::Context;
use evenkeel_haproxy::Template;

use super::Run;
use super::home::Home;

/// The template of this run, if there is one: it can be parsed, and HAProxy takes a sample with it.
/// A HAProxy that is not installed yet is not asked; it will refuse each load balancer by itself.
///
/// # Errors
///
/// The template cannot be used; the message says where, and what helps.
pub(super) async fn checked(run: &Run, home: &Home) -> anyhow::Result<Option<Arc<Template>>> {
    let Some(path) = &run.haproxy_template else {
        return Ok(None);
    };
    let named = || format!("--haproxy-template {}", path.display());
    let template = Template::read(path).with_context(named)?;
    if run.haproxy.is_file() {
        let directory = home.directory.join("template-check");
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir(&directory)
            .with_context(|| format!("could not make {}", directory.display()))?;
        let outcome = template.check(&run.haproxy, &directory).await;
        let _ = fs::remove_dir_all(&directory);
        outcome.with_context(named)?;
    }
    Ok(Some(Arc::new(template)))
}
