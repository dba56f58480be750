//! What `evenkeel dev` says when it is ready, and what a shell needs to talk to it.

use std::net::SocketAddr;

/// The variables that make the stock clients work, as lines for `eval`.
pub(super) fn environment(api: SocketAddr) -> String {
    let url = format!("http://{api}/identity/v3");
    let pairs = [
        ("OS_AUTH_TYPE", "password"),
        ("OS_AUTH_URL", url.as_str()),
        ("OS_IDENTITY_API_VERSION", "3"),
        ("OS_REGION_NAME", "local"),
        ("OS_USERNAME", "admin"),
        ("OS_PASSWORD", "any"),
        ("OS_PROJECT_NAME", "demo"),
        ("OS_USER_DOMAIN_NAME", "Default"),
        ("OS_PROJECT_DOMAIN_NAME", "Default"),
    ];
    pairs.iter().map(|(name, value)| format!("export {name}={value}\n")).collect()
}

/// What there is to tell.
#[derive(Debug)]
pub(super) struct Banner<'a> {
    pub(super) api: SocketAddr,
    pub(super) token: &'a str,
    pub(super) subnet: &'a str,
    /// Where the data is, if it is kept.
    pub(super) kept_in: Option<&'a str>,
    /// What the demonstration's VIP answers at.
    pub(super) demo: Option<&'a str>,
    /// Why no VIP will answer, with the cure.
    pub(super) trouble: Option<&'a str>,
}

impl Banner<'_> {
    pub(super) fn text(&self) -> String {
        let Self { api, token, subnet, .. } = self;
        let mut lines = vec![
            format!("evenkeel dev is ready: http://{api} (for trying out, not for production)"),
            String::new(),
            format!("  Octavia API   http://{api}/v2.0/lbaas"),
            format!("  identity      http://{api}/identity/v3 (users admin, demo, alt, reader; any password)"),
            format!("  network       http://{api}/network/v2.0 (VIP subnet \"{subnet}\", 127.86.0.0/16)"),
            format!("  data          {}", self.kept_in.unwrap_or("in memory of this run; --data DIR keeps it")),
            String::new(),
            "  stock clients: eval \"$(evenkeel dev env)\"; openstack loadbalancer list".to_owned(),
            String::new(),
            format!("  TOKEN={token}"),
            format!("  curl -s -H \"X-Auth-Token: $TOKEN\" http://{api}/v2.0/lbaas/loadbalancers"),
        ];
        if let Some(demo) = self.demo {
            lines.push(format!("  curl -s {demo}      # the demo: a fast, a slow and a flapping member"));
        }
        lines.push(String::new());
        lines.push("  Ports under 1024 are served 8000 higher: 80 at 8080, 443 at 8443.".to_owned());
        if let Some(trouble) = self.trouble {
            lines.push(format!("  TROUBLE: {trouble}"));
        }
        lines.push("  Stop with ctrl-c.".to_owned());
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_is_made_of_exports() {
        let text = environment("127.0.0.1:9876".parse().unwrap());
        assert!(text.lines().all(|line| line.starts_with("export OS_")), "{text}");
        assert!(text.contains("export OS_AUTH_URL=http://127.0.0.1:9876/identity/v3\n"));
    }
}
