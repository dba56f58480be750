//! How a service is told what to do: by a file, then by the environment, then by flags.
//!
//! Keys that are not known are refused, with the place where they stand and the key that was
//! probably meant: a typing error would otherwise be a default.

mod nearest;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use clap::Args;
use serde::de::DeserializeOwned;
use toml::{Table, Value};

/// Where a service is told what to do.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Place {
    /// The file to read.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Set a key of the file: --set api.bind=0.0.0.0:9876. Can be given several times.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

impl Place {
    /// Whether anything is said on the command line.
    pub(crate) fn is_said(&self) -> bool {
        self.config.is_some() || !self.set.is_empty()
    }

    /// What is said on the command line, to be said again.
    pub(crate) fn said(&self) -> String {
        let config = self.config.iter().map(|path| format!("--config {}", path.display()));
        let set = self.set.iter().map(|set| format!("--set {set}"));
        config.chain(set).collect::<Vec<_>>().join(" ")
    }
}

/// A value that goes over the file's, and where it was said.
#[derive(Debug)]
struct Setting {
    said: String,
    key: Vec<String>,
    value: String,
}

/// The configuration at `place`. Variables of the environment begin with `prefix`, and have `__`
/// between the parts of a key: `EVENKEEL_SERVER__API__BIND`.
///
/// # Errors
///
/// It cannot be read, or says what cannot be; the message names file and line, variable or flag.
pub(crate) fn read<T: DeserializeOwned>(
    place: &Place,
    default_file: &Path,
    prefix: &str,
) -> anyhow::Result<T> {
    let text = file(place, default_file)?;
    let path = place.config.as_deref().unwrap_or(default_file);
    let mut config = parse(&text, path)?;
    let mut table: Table = toml::from_str(&text).context("it was parsed before")?;
    for setting in settings(place, prefix)? {
        put(&mut table, &setting)?;
        let read = table.clone().try_into();
        config = read.map_err(|error| anyhow!("{}: {}", setting.said, worded(&error)))?;
    }
    Ok(config)
}

/// Without a file that was asked for, the usual one may be missing.
fn file(place: &Place, default_file: &Path) -> anyhow::Result<String> {
    match &place.config {
        Some(path) => {
            fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()))
        }
        None if default_file.exists() => fs::read_to_string(default_file)
            .with_context(|| format!("could not read {}", default_file.display())),
        None => Ok(String::new()),
    }
}

/// The configuration in `text`, which stands in the file `path`.
///
/// # Errors
///
/// It says what cannot be.
pub(crate) fn parse<T: DeserializeOwned>(text: &str, path: &Path) -> anyhow::Result<T> {
    toml::from_str(text).map_err(|error| {
        let before = error.span().map_or("", |span| text.get(..span.start).unwrap_or_default());
        let line = before.matches('\n').count() + 1;
        anyhow!("{}:{line}: {}", path.display(), worded(&error))
    })
}

fn worded(error: &toml::de::Error) -> String {
    let message = error.message();
    match nearest::of_refusal(message) {
        Some(near) => format!("{message}; did you mean `{near}`?"),
        None => message.to_owned(),
    }
}

fn settings(place: &Place, prefix: &str) -> anyhow::Result<Vec<Setting>> {
    let mut settings = Vec::new();
    for (name, value) in std::env::vars_os() {
        // Names of others need not be text.
        let Some(name) = name.to_str() else { continue };
        let Some(key) = name.strip_prefix(prefix) else { continue };
        let key = key.to_lowercase().split("__").map(ToOwned::to_owned).collect();
        let value = value.to_str().with_context(|| format!("{name}: its value is no text"))?;
        settings.push(Setting { said: name.to_owned(), key, value: value.to_owned() });
    }
    settings.sort_by(|one, other| one.said.cmp(&other.said));
    for set in &place.set {
        let said = format!("--set {set}");
        let Some((key, value)) = set.split_once('=') else {
            bail!("{said}: say KEY=VALUE, such as api.bind=127.0.0.1:9876");
        };
        let key = key.split('.').map(ToOwned::to_owned).collect();
        settings.push(Setting { said, key, value: value.to_owned() });
    }
    Ok(settings)
}

/// Puts a value in its place. What reads as a value of the language is one, all else is text.
fn put(table: &mut Table, setting: &Setting) -> anyhow::Result<()> {
    let Setting { said, key, value } = setting;
    let read = toml::from_str::<Table>(&format!("it = {value}")).ok();
    let read = read.and_then(|mut table| table.remove("it"));
    let value = read.unwrap_or_else(|| Value::String(value.clone()));
    let (last, parents) = key.split_last().context("a key has at least one part")?;
    let mut inner = table;
    for part in parents {
        let entry = inner.entry(part.clone()).or_insert_with(|| Value::Table(Table::new()));
        inner = entry.as_table_mut().with_context(|| format!("{said}: `{part}` has no keys"))?;
    }
    inner.insert(last.clone(), value);
    Ok(())
}

/// Asserts that `text` says every key that there is, with its default. Keys that have none stand in
/// it as comments.
#[cfg(test)]
pub(crate) fn assert_spelt_out<T>(text: &str)
where
    T: serde::Serialize + DeserializeOwned + Default,
{
    let said: T = parse(text, Path::new("the file")).expect("the file can be read");
    let default = Table::try_from(T::default()).expect("a configuration is a table");
    assert_eq!(Table::try_from(said).expect("likewise"), default, "it says something else");
    let written: Table = toml::from_str(text).expect("it was read before");
    for (key, value) in &default {
        assert_has(&written, key, value);
    }
}

#[cfg(test)]
fn assert_has(written: &Table, key: &str, value: &Value) {
    let found = written.get(key).unwrap_or_else(|| panic!("`{key}` is not spelt out"));
    if let (Some(found), Some(inner)) = (found.as_table(), value.as_table()) {
        for (key, value) in inner {
            assert_has(found, key, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Sample {
        name: String,
        inner: Inner,
    }

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Inner {
        heartbeat: u32,
    }

    fn place(text: &str, set: &[&str]) -> (tempfile::NamedTempFile, Place) {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        let set = set.iter().map(|&it| it.to_owned()).collect();
        let place = Place { config: Some(file.path().to_owned()), set };
        (file, place)
    }

    fn sample(text: &str, set: &[&str]) -> anyhow::Result<Sample> {
        let (_file, place) = place(text, set);
        read(&place, Path::new("/nowhere"), "EVENKEEL_NOBODY__")
    }

    #[test]
    fn a_flag_goes_over_the_file() {
        let text = "name = 'file'\n[inner]\nheartbeat = 1\n";
        let read = sample(text, &["name=flag", "inner.heartbeat=2"]).unwrap();
        assert_eq!(read, Sample { name: "flag".to_owned(), inner: Inner { heartbeat: 2 } });
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line_and_its_neighbour() {
        let said = sample("name = 'file'\n\n[inner]\nhartbeat = 1\n", &[]).unwrap_err().to_string();
        assert!(said.contains(":4: unknown field `hartbeat`"), "{said}");
        assert!(said.ends_with("did you mean `heartbeat`?"), "{said}");
    }

    #[test]
    fn a_wrong_flag_is_named() {
        let said = sample("", &["inner.hartbeat=1"]).unwrap_err().to_string();
        assert!(said.starts_with("--set inner.hartbeat=1: unknown field"), "{said}");
        assert!(sample("", &["inner"]).is_err());
        assert!(sample("", &["name.inner=1"]).is_err());
    }
}
