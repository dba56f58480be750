//! What the commands share that ask a running service: where it is, who asks, and how the answer
//! is shown.

use anyhow::bail;
use clap::{Args, ValueEnum};
use evenkeel_api::client::{Client, Credentials, Kind};
use serde_json::{Map, Value};

/// Where the service is, and who asks.
#[derive(Debug, Args)]
pub(crate) struct Access {
    /// Where the service is, such as `http://127.0.0.1:9876`; by default where the catalogue of
    /// `OS_AUTH_URL` says.
    #[arg(long, value_name = "URL", env = "EVENKEEL_API", global = true)]
    api: Option<String>,
    /// A token; by default `OS_USERNAME` and `OS_PASSWORD` get one from `OS_AUTH_URL`.
    #[arg(long, env = "EVENKEEL_TOKEN", hide_env_values = true, global = true)]
    token: Option<String>,
    /// How the answer is shown.
    #[arg(long, value_name = "FORM", default_value = "table", global = true)]
    output: Output,
}

/// How an answer is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people.
    Table,
    /// For programs.
    Json,
}

/// The variable of that name, unless it is empty.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// What the variables of the stock clients say, if they name a user.
fn credentials() -> Option<Credentials> {
    let domain = |name: &str| variable(name).unwrap_or_else(|| "Default".to_owned());
    Some(Credentials {
        url: variable("OS_AUTH_URL")?,
        user: variable("OS_USERNAME")?,
        password: variable("OS_PASSWORD")?,
        project: variable("OS_PROJECT_NAME")?,
        user_domain: domain("OS_USER_DOMAIN_NAME"),
        project_domain: domain("OS_PROJECT_DOMAIN_NAME"),
    })
}

impl Access {
    /// A client of the service.
    ///
    /// # Errors
    ///
    /// Nobody says where it is, or the identity service does not know who asks.
    pub(crate) fn connect(&self) -> anyhow::Result<Client> {
        let api = self.api.as_deref();
        match (api, &self.token) {
            (Some(api), Some(token)) => Ok(Client::new(api, Some(token.clone()))),
            (api, None) if let Some(credentials) = credentials() => Ok(credentials.log_in(api)?),
            (Some(api), None) => Ok(Client::new(api, None)),
            (None, _) => bail!(
                "where is the service? Say --api URL and --token TOKEN, or set OS_AUTH_URL, \
                 OS_USERNAME, OS_PASSWORD and OS_PROJECT_NAME; for evenkeel dev: \
                 eval \"$(evenkeel dev env)\""
            ),
        }
    }

    /// Shows several, of each the fields named.
    pub(crate) fn show_all(&self, all: &[Value], fields: &[&str]) -> anyhow::Result<()> {
        match self.output {
            Output::Json => say(&serde_json::to_string_pretty(all)?),
            Output::Table => say(&table(all, fields)),
        }
        Ok(())
    }

    /// Shows one, a line for each field.
    pub(crate) fn show(&self, one: &Value) -> anyhow::Result<()> {
        match self.output {
            Output::Json => say(&serde_json::to_string_pretty(one)?),
            Output::Table => say(&lines(one)),
        }
        Ok(())
    }

    /// Deletes those with these ids or names, in this order, up to the first that cannot be.
    pub(crate) fn delete(&self, kind: Kind, named: &[String]) -> anyhow::Result<()> {
        let client = self.connect()?;
        for named in named {
            client.delete(kind, &client.id(kind, named)?)?;
        }
        Ok(())
    }
}

#[expect(clippy::print_stdout, reason = "printing is what the commands are for")]
fn say(text: &str) {
    println!("{text}");
}

/// A body, of which what nobody said is left out.
#[derive(Debug, Default)]
pub(crate) struct Said(Map<String, Value>);

impl Said {
    /// Says `field`, if there is something to say.
    pub(crate) fn maybe(mut self, field: &str, value: Option<impl Into<Value>>) -> Self {
        if let Some(value) = value {
            self.0.insert(field.to_owned(), value.into());
        }
        self
    }

    pub(crate) const fn body(&self) -> &Map<String, Value> {
        &self.0
    }
}

/// A value as people read it.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::Bool(truth) => if *truth { "yes" } else { "no" }.to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => printable(text),
        Value::Array(items) if items.is_empty() => "-".to_owned(),
        Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join(", "),
        Value::Object(map) => {
            let pairs = map.iter().map(|(key, value)| format!("{key}={}", cell(value)));
            pairs.collect::<Vec<_>>().join(" ")
        }
    }
}

/// A text without what would move the cursor of whoever reads it.
fn printable(text: &str) -> String {
    if text.is_empty() {
        return "-".to_owned();
    }
    text.chars().map(|it| if it.is_control() { '\u{fffd}' } else { it }).collect()
}

/// Several, a line each, beneath their headings.
fn table(all: &[Value], fields: &[&str]) -> String {
    let heading = fields.iter().map(|field| field.to_uppercase().replace('_', " ")).collect();
    let row = |it: &Value| fields.iter().map(|field| cell(&it[*field])).collect::<Vec<_>>();
    let rows: Vec<Vec<String>> = std::iter::once(heading).chain(all.iter().map(row)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<usize> =
        (0..fields.len()).map(|column| width(column).unwrap_or_default()).collect();
    let shown = rows.iter().map(|row| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    });
    shown.collect::<Vec<_>>().join("\n")
}

/// One, a line for each field.
fn lines(one: &Value) -> String {
    let fields = one.as_object().into_iter().flatten();
    let pairs: Vec<(String, String)> =
        fields.map(|(field, value)| (field.replace('_', " "), cell(value))).collect();
    let width = pairs.iter().map(|(field, _)| field.chars().count()).max().unwrap_or_default();
    let shown = pairs.iter().map(|(field, value)| format!("{field:width$}  {value}"));
    shown.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_table_has_columns_and_says_what_is_not_there() {
        let all = [
            json!({"id": "a", "vlan": 7, "shared": true, "name": "web", "subnets": ["x", "y"]}),
            json!({"id": "bb", "vlan": null, "shared": false, "name": "", "subnets": []}),
        ];
        let expected = "ID  VLAN  SHARED  NAME  SUBNETS\n\
                        a   7     yes     web   x, y\n\
                        bb  -     no      -     -";
        assert_eq!(table(&all, &["id", "vlan", "shared", "name", "subnets"]), expected);
        assert_eq!(table(&[], &["id", "outer_port"]), "ID  OUTER PORT");
    }

    #[test]
    fn names_do_not_move_the_cursor() {
        let one = json!({"name": "a\u{1b}[2Jb", "host_routes": [{"to": "10.0.0.0/8"}]});
        assert_eq!(lines(&one), "name         a\u{fffd}[2Jb\nhost routes  to=10.0.0.0/8");
    }

    #[test]
    fn what_nobody_says_is_left_out() {
        let said = Said::default().maybe("mtu", Some(1400)).maybe("name", None::<String>);
        assert_eq!(Value::Object(said.body().clone()), json!({"mtu": 1400}));
    }
}
