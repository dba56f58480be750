//! What `evenkeel dev` says when it is ready, and what a shell needs to talk to it.

use std::net::SocketAddr;
use std::path::Path;

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
    let lines = pairs.map(|(name, value)| format!("export {name}={value}"));
    lines.join("\n")
}

/// What there is to tell.
#[derive(Debug)]
pub(super) struct Banner<'a> {
    pub(super) api: SocketAddr,
    /// How this program was called, and can be called again.
    pub(super) program: &'a str,
    pub(super) token: &'a str,
    pub(super) vips: ipnet::Ipv4Net,
    /// Where the data is, if it is kept.
    pub(super) kept_in: Option<&'a Path>,
    /// Where the demonstration answers.
    pub(super) demo: Option<SocketAddr>,
    /// Why no VIP will answer, with the cure.
    pub(super) trouble: Option<String>,
}

impl Banner<'_> {
    /// Some twenty lines, the first of which says where the API is.
    pub(super) fn text(&self) -> String {
        let Self { api, program, token, vips, .. } = self;
        let listen = if *api == super::default_listen() {
            String::new()
        } else {
            format!(" --listen {api}")
        };
        let data = self.kept_in.map_or_else(
            || "gone when this ends; --data DIR keeps it".to_owned(),
            |directory| directory.display().to_string(),
        );
        let mut text = format!(
            "evenkeel dev is ready: http://{api} (for trying out, not for production)\n\
             \n  load balancers  http://{api}/v2.0/lbaas\
             \n  identity        http://{api}/identity/v3  users admin, demo, alt, reader; any password\
             \n  network         http://{api}/network/v2.0  VIP subnet \"vips\", {vips}\
             \n  key manager     http://{api}/key-manager/v1  certificates and their keys, sealed\
             \n  data            {data}\
             \n\n  The stock clients:\
             \n    eval \"$({program} dev env{listen})\"\
             \n    openstack loadbalancer list\
             \n  Or curl:\
             \n    TOKEN={token}\
             \n    curl -s -H \"X-Auth-Token: $TOKEN\" http://{api}/v2.0/lbaas/loadbalancers\
             \n    curl -s -H \"X-Auth-Token: $TOKEN\" http://{api}/v2/evenkeel/placements\n"
        );
        if let Some(vip) = self.demo {
            text.push_str("  The demo, a fast, a slow and a flapping member:\n");
            text = format!("{text}    curl -s http://{vip}/\n");
        }
        text.push_str("\n  Ports under 1024 are served 8000 higher: 80 at 8080, 443 at 8443.\n");
        if let Some(trouble) = &self.trouble {
            text = format!("{text}\n  TROUBLE: {trouble}\n");
        }
        text.push_str("  Stop with ctrl-c.");
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_is_made_of_exports() {
        let text = environment("127.0.0.1:9876".parse().unwrap());
        assert!(text.lines().all(|line| line.starts_with("export OS_")), "{text}");
        assert!(text.contains("export OS_AUTH_URL=http://127.0.0.1:9876/identity/v3"));
    }
}
