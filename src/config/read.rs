//! Turns values into types. A value of the wrong form is noted as a fault and its default read in its place, so that
//! reading goes on and finds the other faults too.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use ipnet::IpNet;
use lettre::message::Mailbox;
use toml::Value;
use tracing_subscriber::EnvFilter;
use url::Url;

use super::source::{Values, masked};
use super::{ConfigFault, DatabaseUrl};
use crate::types::secret::Secret;

/// A day: longer waits are a mistake in the unit.
const MOST_SECONDS: u64 = 86_400;

/// Reads each key once. Methods for a value that must be there give `None` only when the embedded default
/// itself is malformed.
pub(super) struct Reader {
    values: Values,
}

impl Reader {
    pub(super) fn new(values: Values) -> Self {
        Self { values }
    }

    pub(super) fn into_faults(self) -> Vec<ConfigFault> {
        self.values.faults
    }

    pub(super) fn fault(&mut self, key: &str, detail: &str) {
        self.values.fault(key, detail);
    }

    fn get<T>(&mut self, key: &str, form: &str, read: impl Fn(&Value) -> Option<T>) -> Option<T> {
        let Some(sourced) = self.values.by_key.get(key) else {
            self.values.fault(key, "has no default");
            return None;
        };
        if let Some(value) = read(&sourced.value) {
            return Some(value);
        }
        let default = read(&sourced.default);
        let detail = format!(
            "must be {form}, found {} (in {})",
            masked(key, &sourced.value),
            sourced.source
        );
        self.values.fault(key, detail);
        default
    }

    fn get_text<T>(
        &mut self,
        key: &str,
        form: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        self.get(key, form, |value| read(value.as_str()?.trim()))
    }

    /// An empty text is none; a malformed one too, besides the fault.
    fn get_optional<T>(
        &mut self,
        key: &str,
        form: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        self.get_text(key, form, |text| {
            if text.is_empty() {
                Some(None)
            } else {
                read(text).map(Some)
            }
        })
        .flatten()
    }

    pub(super) fn text(&mut self, key: &str) -> Option<String> {
        self.get_text(key, "a text", |text| Some(text.to_owned()))
    }

    pub(super) fn present(&mut self, key: &str, form: &str) -> Option<String> {
        self.get_text(key, form, |text| {
            Some(text.to_owned()).filter(|text| !text.is_empty())
        })
    }

    pub(super) fn parsed<T: FromStr>(&mut self, key: &str, form: &str) -> Option<T> {
        self.get_text(key, form, |text| text.parse().ok())
    }

    pub(super) fn secret(&mut self, key: &str) -> Option<Secret<String>> {
        // Not trimmed: a password may end with a space.
        self.get(key, "a text", |value| {
            let text = value.as_str()?;
            Some((!text.is_empty()).then(|| Secret::new(text.to_owned())))
        })
        .flatten()
    }

    pub(super) fn boolean(&mut self, key: &str) -> Option<bool> {
        self.get(key, "true or false", Value::as_bool)
    }

    /// A whole number from `least` to `most`, both included.
    pub(super) fn number<T: TryFrom<i64>>(
        &mut self,
        key: &str,
        least: i64,
        most: i64,
    ) -> Option<T> {
        let form = format!("a whole number from {least} to {most}");
        self.get(key, &form, |value| {
            value
                .as_integer()
                .filter(|number| (least..=most).contains(number))
                .and_then(|number| T::try_from(number).ok())
        })
    }

    pub(super) fn seconds(&mut self, key: &str) -> Option<Duration> {
        let form = format!("a whole number of seconds from 1 to {MOST_SECONDS}");
        self.get(key, &form, |value| {
            let seconds = u64::try_from(value.as_integer()?).ok()?;
            (1..=MOST_SECONDS)
                .contains(&seconds)
                .then(|| Duration::from_secs(seconds))
        })
    }

    pub(super) fn one_of<T: Copy>(&mut self, key: &str, choices: &[(&str, T)]) -> Option<T> {
        let form = format!(
            "one of {}",
            choices
                .iter()
                .map(|(name, _)| *name)
                .collect::<Vec<_>>()
                .join(", ")
        );
        self.get_text(key, &form, |text| {
            choices
                .iter()
                .find(|(name, _)| *name == text)
                .map(|(_, choice)| *choice)
        })
    }

    pub(super) fn web_url(&mut self, key: &str) -> Option<Url> {
        self.get_optional(key, "an http:// or https:// address", web_url)
    }

    pub(super) fn origin(&mut self, key: &str) -> Option<Url> {
        self.get_optional(
            key,
            "an address such as https://seats.example.com, without a path",
            |text| {
                web_url(text).filter(|url| {
                    let bare = url.query().is_none() && url.fragment().is_none();
                    bare && url.path() == "/"
                        && url.username().is_empty()
                        && url.password().is_none()
                })
            },
        )
    }

    pub(super) fn database_url(&mut self, key: &str) -> Option<DatabaseUrl> {
        self.get_text(
            key,
            "sqlite:PATH or postgres://user:password@host/name",
            |text| {
                if let Some(path) = text.strip_prefix("sqlite:") {
                    let path = path.strip_prefix("//").unwrap_or(path);
                    return (!path.is_empty()).then(|| DatabaseUrl::Sqlite(PathBuf::from(path)));
                }
                let known = text.starts_with("postgres://") || text.starts_with("postgresql://");
                let readable = tokio_postgres::Config::from_str(text).is_ok();
                (known && readable).then(|| DatabaseUrl::Postgres(Secret::new(text.to_owned())))
            },
        )
    }

    pub(super) fn mailbox(&mut self, key: &str) -> Option<Mailbox> {
        let form = "an address such as \"Training <training@example.com>\"";
        self.get_optional(key, form, |text| text.parse().ok())
    }

    /// Networks in CIDR form; a bare address is a network of one.
    pub(super) fn networks(&mut self, key: &str) -> Option<Vec<IpNet>> {
        self.get(
            key,
            "a list of networks such as [\"10.0.0.0/8\", \"::1\"]",
            |value| {
                let network = |item: &Value| {
                    let text = item.as_str()?;
                    text.parse()
                        .ok()
                        .or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
                };
                value.as_array()?.iter().map(network).collect()
            },
        )
    }

    pub(super) fn addresses(&mut self, key: &str) -> Option<Vec<SocketAddr>> {
        self.get(
            key,
            "a list of addresses with ports such as [\"192.0.2.53:53\"]",
            |value| {
                let address = |item: &Value| item.as_str()?.trim().parse().ok();
                value.as_array()?.iter().map(address).collect()
            },
        )
    }

    pub(super) fn log_filter(&mut self, key: &str) -> Option<String> {
        let form = "a level (error, warn, info, debug, trace) or a filter such as \"info,b2b_dashboard::jobs=debug\"";
        self.get_text(key, form, |text| {
            // A misspelt level alone would be taken for the name of a module, and silence everything else.
            let parts = text.split(',').map(str::trim);
            let levels = ["error", "warn", "info", "debug", "trace", "off"];
            let plain = parts
                .clone()
                .all(|part| part.contains(['=', ':']) || levels.contains(&part));
            (plain && EnvFilter::try_new(text).is_ok()).then(|| text.to_owned())
        })
    }
}

fn web_url(text: &str) -> Option<Url> {
    Url::parse(text)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}
