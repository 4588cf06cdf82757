//! Where values come from: merges defaults, file and environment, and refuses keys that do not exist.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use toml::{Table, Value};

use super::{ConfigError, ConfigFault, DEFAULT_FILE, EXAMPLE, ExplainedSetting};

/// Begins the name of each variable.
const ENV_PREFIX: &str = "B2B_";
/// Keys whose values are never shown.
const SECRET_KEYS: [&str; 2] = ["secrets.master_key", "email.password"];
/// Likeness from 0 to 1 above which a name is offered as the one meant.
const LIKENESS: f64 = 0.7;

/// One value, the default under it, and its origin.
pub(super) struct Sourced {
    pub(super) value: Value,
    pub(super) default: Value,
    pub(super) source: String,
}

/// All values by `section.key`, and what was wrong on the way.
pub(super) struct Values {
    pub(super) by_key: BTreeMap<String, Sourced>,
    pub(super) faults: Vec<ConfigFault>,
}

impl Values {
    /// The embedded example.
    pub(super) fn defaults() -> Result<Self, ConfigError> {
        let table = EXAMPLE.parse::<Table>().map_err(|error| ConfigError {
            faults: vec![ConfigFault {
                key: "default".to_owned(),
                detail: error.to_string(),
            }],
        })?;
        let mut by_key = BTreeMap::new();
        for (section, keys) in &table {
            for (key, default) in keys.as_table().into_iter().flatten() {
                let sourced = Sourced {
                    value: default.clone(),
                    default: default.clone(),
                    source: "default".to_owned(),
                };
                by_key.insert(format!("{section}.{key}"), sourced);
            }
        }
        Ok(Self {
            by_key,
            faults: Vec::new(),
        })
    }

    pub(super) fn fault(&mut self, key: impl Into<String>, detail: impl Into<String>) {
        self.faults.push(ConfigFault {
            key: key.into(),
            detail: detail.into(),
        });
    }

    /// The named file, which must be there, else the default one, which may be.
    pub(super) fn add_file(&mut self, path: Option<&Path>) {
        let named = path.is_some();
        let path = path.unwrap_or(Path::new(DEFAULT_FILE));
        let source = path.display().to_string();
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound && !named => return,
            Err(error) => return self.fault(source, format!("cannot be read: {error}")),
        };
        match text.parse::<Table>() {
            Ok(table) => self.add_table(table, &source),
            Err(error) => {
                // The message alone: the full form quotes the line, which may hold a password.
                let line = error.span().map_or(1, |span| {
                    text.get(..span.start)
                        .unwrap_or_default()
                        .matches('\n')
                        .count()
                        + 1
                });
                self.fault(
                    source,
                    format!("is not TOML: line {line}: {}", error.message()),
                );
            }
        }
    }

    fn add_table(&mut self, table: Table, source: &str) {
        for (section, keys) in table {
            match keys {
                Value::Table(keys) if self.is_section(&section) => {
                    for (key, value) in keys {
                        self.set(&format!("{section}.{key}"), value, source, source);
                    }
                }
                Value::Table(_) => {
                    let detail = format!(
                        "is not a section{} (in {source})",
                        meant(&section, self.sections())
                    );
                    self.fault(section, detail);
                }
                _ if self.is_section(&section) => {
                    self.fault(
                        section.clone(),
                        format!("is a section: write [{section}] (in {source})"),
                    );
                }
                _ => {
                    let detail = format!(
                        "is not a setting{} (in {source})",
                        self.setting_meant(&section)
                    );
                    self.fault(section, detail);
                }
            }
        }
    }

    fn set(&mut self, key: &str, value: Value, name: &str, source: &str) {
        if let Some(sourced) = self.by_key.get_mut(key) {
            sourced.value = value;
            source.clone_into(&mut sourced.source);
        } else {
            let detail = format!("is not a setting{} (in {name})", self.setting_meant(key));
            self.fault(key, detail);
        }
    }

    /// `B2B_SERVER__LISTEN` is `server.listen`.
    pub(super) fn add_environment(&mut self, env: impl IntoIterator<Item = (String, String)>) {
        let mut ours: Vec<(String, String)> = env
            .into_iter()
            .filter(|(name, _)| name.starts_with(ENV_PREFIX))
            .collect();
        ours.sort();
        for (name, text) in ours {
            let lower = name.trim_start_matches(ENV_PREFIX).to_ascii_lowercase();
            if let Some((section, key)) = lower.split_once("__") {
                let key = format!("{section}.{key}");
                let value = self
                    .by_key
                    .get(&key)
                    .map_or(Value::String(text.clone()), |known| {
                        as_kind_of(&known.default, text)
                    });
                self.set(&key, value, "the environment", &name);
            } else if let Some(key) = self
                .by_key
                .keys()
                .find(|key| key.replace('.', "_") == lower)
            {
                // A single underscore is a slip; what else begins with B2B_ may be another program's.
                let detail = format!("is not a setting; did you mean {}?", variable(key));
                self.fault(name, detail);
            }
        }
    }

    fn sections(&self) -> impl Iterator<Item = &str> {
        let mut last = "";
        self.by_key
            .keys()
            .filter_map(|key| key.split_once('.'))
            .map(|(section, _)| section)
            .filter(move |section| {
                let new = *section != last;
                last = section;
                new
            })
    }

    fn is_section(&self, name: &str) -> bool {
        self.sections().any(|section| section == name)
    }

    /// The setting probably meant: the same key in another section, else the most alike.
    fn setting_meant(&self, key: &str) -> String {
        let leaf = key.rsplit('.').next().unwrap_or(key);
        let elsewhere = self
            .by_key
            .keys()
            .find(|known| known.rsplit('.').next() == Some(leaf));
        match elsewhere {
            Some(known) => format!("; did you mean {known}?"),
            None => meant(key, self.by_key.keys().map(String::as_str)),
        }
    }

    pub(super) fn explain(&self) -> Vec<ExplainedSetting> {
        let explained = |(key, sourced): (&String, &Sourced)| ExplainedSetting {
            key: key.clone(),
            value: serde_json::to_value(masked(key, &sourced.value)).unwrap_or_default(),
            source: sourced.source.clone(),
        };
        self.by_key.iter().map(explained).collect()
    }
}

/// The variable of a setting.
pub(super) fn variable(key: &str) -> String {
    format!(
        "{ENV_PREFIX}{}",
        key.replace('.', "__").to_ascii_uppercase()
    )
}

/// A variable's text as the kind its default has; left a text where that does not fit, for the reader to refuse.
fn as_kind_of(default: &Value, text: String) -> Value {
    match default {
        Value::Integer(_) => text
            .trim()
            .parse()
            .map_or(Value::String(text), Value::Integer),
        Value::Boolean(_) => text
            .trim()
            .parse()
            .map_or(Value::String(text), Value::Boolean),
        Value::Array(_) => {
            let items = text
                .split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty());
            Value::Array(items.map(|item| Value::String(item.to_owned())).collect())
        }
        _ => Value::String(text),
    }
}

/// The value as it may be shown: no secret, no password in an address.
pub(super) fn masked(key: &str, value: &Value) -> Value {
    match value {
        Value::String(text) if text.is_empty() => value.clone(),
        _ if SECRET_KEYS.contains(&key) => Value::String("***".to_owned()),
        Value::String(text) => Value::String(without_password(key, text)),
        other => other.clone(),
    }
}

/// An address without its password. The password may hold characters that ought to be encoded, so all from the first
/// colon to the last @ is hidden. A database address of no known form is hidden whole.
fn without_password(key: &str, text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        let harmless = key != "database.url" || text.starts_with("sqlite:");
        return if harmless { text } else { "***" }.to_owned();
    };
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let hidden = match rest.rsplit_once('@') {
        Some((login, host)) if login.contains(':') => {
            let user = login.split(':').next().unwrap_or_default();
            format!("{scheme}://{user}:***@{host}")
        }
        _ if query.to_ascii_lowercase().contains("pass") => {
            return format!("{scheme}://{place}?***");
        }
        _ => return text.to_owned(),
    };
    match hidden.split_once('?') {
        Some((place, query)) if query.to_ascii_lowercase().contains("pass") => {
            format!("{place}?***")
        }
        _ => hidden,
    }
}

fn meant<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let likeness = |other: &str| strsim::normalized_damerau_levenshtein(name, other);
    let best = known.max_by(|one, two| likeness(one).total_cmp(&likeness(two)));
    best.filter(|best| likeness(best) >= LIKENESS)
        .map_or_else(String::new, |best| format!("; did you mean {best}?"))
}
