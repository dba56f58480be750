//! A name and a password, which an identity service turns into a token and the place of ours.

use std::fmt;

use serde_json::{Value, json};

use super::{Client, ClientError, exchange};

/// Who somebody is in Keystone, as the variables `OS_…` of the stock clients say it.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Where Keystone is, such as `http://127.0.0.1:9876/identity/v3`.
    pub url: String,
    /// The user's name.
    pub user: String,
    /// The name of the user's domain.
    pub user_domain: String,
    /// His password.
    pub password: String,
    /// The name of the project that he acts for.
    pub project: String,
    /// The name of the project's domain.
    pub project_domain: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Whoever logs this must not log the password.
        write!(f, "{} of {} at {}", self.user, self.project, self.url)
    }
}

impl Credentials {
    /// Gets a token, and finds the service in the catalogue; at `base` instead, if that is given.
    ///
    /// # Errors
    ///
    /// [`ClientError::Unknown`] if Keystone does not know him; [`ClientError::Strange`] if it is no
    /// Keystone, or knows no load balancers; [`ClientError::Unreachable`].
    pub fn log_in(&self, base: Option<&str>) -> Result<Client, ClientError> {
        let url = format!("{}/auth/tokens", self.versioned());
        let strange = || ClientError::Strange { url: url.clone() };
        let nobody = Client::new(&self.url, None);
        let request = ureq::http::Request::builder().method("POST").uri(&url);
        let (headers, body) = exchange(&nobody.agent, request, &url, Some(&self.asked()))?;
        let token = headers.get("x-subject-token").and_then(|it| it.to_str().ok());
        let token = token.ok_or_else(strange)?.to_owned();
        match base {
            Some(base) => Ok(Client::new(base, Some(token))),
            None => Ok(Client::new(&place(&body).ok_or_else(strange)?, Some(token))),
        }
    }

    /// The address with its version, which some leave out.
    fn versioned(&self) -> String {
        let bare = self.url.trim_end_matches('/');
        if bare.ends_with("/v3") { bare.to_owned() } else { format!("{bare}/v3") }
    }

    fn asked(&self) -> Value {
        let user = json!({
            "name": self.user,
            "domain": {"name": self.user_domain},
            "password": self.password,
        });
        let project = json!({"name": self.project, "domain": {"name": self.project_domain}});
        json!({"auth": {
            "identity": {"methods": ["password"], "password": {"user": user}},
            "scope": {"project": project},
        }})
    }
}

/// Where the catalogue says that load balancers are, without the version.
fn place(body: &Value) -> Option<String> {
    let catalogue = body["token"]["catalog"].as_array()?;
    let entry = catalogue.iter().find(|it| it["type"] == "load-balancer")?;
    let endpoints = entry["endpoints"].as_array()?;
    let public = endpoints.iter().find(|it| it["interface"] == "public")?;
    let url = public["url"].as_str()?.trim_end_matches('/');
    let bare = url.strip_suffix("/v2.0").or(url.strip_suffix("/v2")).unwrap_or(url);
    Some(bare.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_names_the_place_with_or_without_a_version() {
        for url in
            ["http://lb:9876", "http://lb:9876/", "http://lb:9876/v2.0", "http://lb:9876/v2/"]
        {
            let endpoints = json!([
                {"interface": "internal", "url": "http://other"},
                {"interface": "public", "url": url},
            ]);
            let body = json!({"token": {"catalog": [
                {"type": "network", "endpoints": []},
                {"type": "load-balancer", "endpoints": endpoints},
            ]}});
            assert_eq!(place(&body).as_deref(), Some("http://lb:9876"), "{url}");
        }
        assert_eq!(place(&json!({"token": {}})), None);
    }

    #[test]
    fn a_password_is_not_shown() {
        let credentials = Credentials {
            url: "http://k".to_owned(),
            user: "me".to_owned(),
            user_domain: "Default".to_owned(),
            password: "hush".to_owned(),
            project: "mine".to_owned(),
            project_domain: "Default".to_owned(),
        };
        assert_eq!(format!("{credentials:?}"), "me of mine at http://k");
    }
}
