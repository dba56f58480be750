//! What HAProxy says when it will not start, in words for a tenant.

use std::path::Path;

use evenkeel_driver::DriverError;

use crate::configuration::Configuration;
use crate::material::SecretFile;

/// How much of what it says is passed on, in characters.
const ENOUGH: usize = 300;

/// Why a HAProxy that was started with a good binary ended before it served. Of files in `secrets`
/// only the names are told: they are made of ids.
pub(crate) fn refusal(said: &str, secrets: &Path) -> DriverError {
    if let Some(socket) = taken(said) {
        return DriverError::Unavailable {
            attempt: format!("HAProxy could not listen on {socket}, where something else does"),
            cure: "end that, or choose another port; it is tried again".to_owned(),
            source: None,
        };
    }
    let alerts = alerts(&said.replace(&format!("{}/", secrets.display()), ""));
    if alerts.is_empty() {
        return DriverError::Unavailable {
            attempt: "HAProxy ended as soon as it was started, without a word".to_owned(),
            cure: "the operator can run `haproxy -vv` on the node to see whether it works; it is \
                   tried again"
                .to_owned(),
            source: None,
        };
    }
    DriverError::Rejected { reason: alerts }
}

/// The alerts of a check, each with the line of the file that it is about.
pub(crate) fn with_lines(said: &str, file: &str) -> String {
    let number = |alert: &str| {
        let (_, rest) = alert.split_once('[')?.1.split_once('[')?;
        rest.split_once(']')?.0.rsplit_once(':')?.1.parse::<usize>().ok()
    };
    let lines = said.lines().filter_map(|alert| {
        let number = number(alert)?;
        file.lines().nth(number.checked_sub(1)?)
    });
    let mut lines: Vec<String> = lines.map(|line| format!("`{}`", line.trim())).collect();
    lines.dedup();
    let alerts = alerts(said);
    if lines.is_empty() { alerts } else { format!("{alerts}; in {}", lines.join(", ")) }
}

/// With what tenants call their certificates, instead of the names of our files.
pub(crate) fn in_words_of_tenants(error: DriverError, wanted: &Configuration) -> DriverError {
    match error {
        DriverError::Rejected { reason } => {
            let called = |reason: String, file: &SecretFile| {
                reason.replace(file.name(), file.slot.reference.as_str())
            };
            DriverError::Rejected { reason: wanted.material().fold(reason, called) }
        }
        DriverError::Unsupported(_) | DriverError::Unavailable { .. } => error,
    }
}

/// The socket that another process has.
fn taken(said: &str) -> Option<&str> {
    let line = said.lines().find(|line| line.contains("cannot bind socket"))?;
    line.rsplit_once("for [").and_then(|(_, rest)| rest.split(']').next())
}

/// The alerts, without time, process and file.
fn alerts(said: &str) -> String {
    let of_interest = |line: &&str| line.starts_with("[ALERT]") && !line.contains("config : Fatal");
    let text = |line: &str| {
        let (_, text) = line.split_once(" : ").unwrap_or(("", line));
        let text = text.strip_prefix("config : ").unwrap_or(text);
        without_place(text).trim().to_owned()
    };
    let mut found: Vec<String> = said.lines().filter(of_interest).map(text).collect();
    found.retain(|text| !text.is_empty());
    // Several lines may lack the same.
    found.dedup();
    found.join("; ").chars().take(ENOUGH).collect()
}

/// Without the file and the number of the line, which stand before or after what is said.
fn without_place(text: &str) -> &str {
    let Some((before, after)) = text.split_once("[../haproxy.") else {
        return text.split_once("file : ../haproxy.").map_or(text, |_| "");
    };
    match after.split_once("] : ") {
        Some((_, after)) => after,
        None => before.trim_end_matches(" at "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_named_and_tried_again() {
        let said = "[NOTICE]   (1) : haproxy version is 2.6.12-1+deb12u4\n\
                    [ALERT]    (1) : Binding [../haproxy.cfg:17] for frontend f: cannot bind socket \
                    (Address already in use) for [127.86.0.5:9090]\n";
        let refused = refusal(said, Path::new("/run/x"));
        assert!(!refused.is_final());
        assert!(refused.to_string().contains("127.86.0.5:9090"), "{refused}");
    }

    #[test]
    fn a_refused_file_is_final_and_tells_no_paths() {
        let said = "[NOTICE]   (1) : path to executable is /usr/sbin/haproxy\n\
                    [ALERT]    (1) : config : parsing [../haproxy.cfg:12] : unknown keyword \
                    'nonsense' in 'frontend' section\n\
                    [ALERT]    (1) : config : Error(s) found in configuration file : \
                    ../haproxy.cfg\n\
                    [ALERT]    (1) : config : Fatal errors found in configuration.\n";
        let refused = refusal(said, Path::new("/run/x"));
        assert!(refused.is_final());
        let text = refused.to_string();
        assert!(text.contains("unknown keyword 'nonsense'"), "{text}");
        assert!(!text.contains("/usr/sbin"), "{text}");
    }

    #[test]
    fn of_a_bad_certificate_only_the_name_of_its_file_is_told() {
        let said = "[NOTICE]   (1) : path to executable is /usr/sbin/haproxy\n\
                    [ALERT]    (1) : config : parsing [../haproxy.cfg:13] : 'bind 10.0.0.20:443' \
                    in section 'frontend' : 'crt-list' : unable to load certificate from file \
                    '/run/x/0011.pem'.\n\
                    [ALERT]    (1) : config : Error(s) found in configuration file : \
                    ../haproxy.cfg\n";
        let text = refusal(said, Path::new("/run/x")).to_string();
        assert!(text.ends_with("unable to load certificate from file '0011.pem'."), "{text}");
        assert!(!text.contains("/run") && !text.contains("haproxy.cfg"), "{text}");
    }

    #[test]
    fn what_stands_before_the_place_is_told() {
        let said = "[ALERT]    (1) : config : Proxy 'a': unable to set SSL cipher list to 'FOO' for \
                    bind '10.0.0.20:443' at [../haproxy.cfg:13].\n\
                    Proxy 'a': unable to set SSL cipher list to 'FOO' for bind\n";
        let text = refusal(said, Path::new("/run/x")).to_string();
        let expected = "unable to set SSL cipher list to 'FOO' for bind '10.0.0.20:443'";
        assert!(text.ends_with(expected), "{text}");
    }

    #[test]
    fn silence_is_not_final() {
        assert!(!refusal("", Path::new("/run/x")).is_final());
    }
}
