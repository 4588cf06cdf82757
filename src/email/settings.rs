//! Where mail goes out, as an operator sets it.

use std::fmt;
use std::path::PathBuf;

use jiff::SignedDuration;
use lettre::transport::smtp::client::{Certificate, TlsParameters};
use serde::Deserialize;

use super::message::InvalidMail;

/// How the connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Security {
    /// Not at all; for a server on the same machine.
    None,
    /// Upgraded by STARTTLS before anything is said (RFC 3207), usually port 587. Never goes on
    /// without.
    #[default]
    Starttls,
    /// TLS from the first octet (RFC 8314), usually port 465.
    Tls,
}

/// A password that no log and no error shows.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Password(String);

impl From<String> for Password {
    fn from(password: String) -> Self {
        Self(password)
    }
}

impl Password {
    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"***\"")
    }
}

/// Where mail goes out.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmtpSettings {
    /// Name of the server, which its certificate must carry.
    pub host: String,
    /// Port: usually 587, or 465 with `security = "tls"`.
    pub port: u16,
    /// How the connection is protected.
    #[serde(default)]
    pub security: Security,
    /// Name to sign in with; absent: no AUTH.
    pub username: Option<String>,
    /// Password to sign in with.
    pub password: Option<Password>,
    /// Longest time for connecting and for each command, such as `30s`.
    #[serde(default = "default_timeout")]
    pub timeout: SignedDuration,
    /// Sender: `Name <address>` or an address.
    pub from: String,
    /// Where answers go; absent: to the sender.
    pub reply_to: Option<String>,
    /// Name said in EHLO; absent: this machine's.
    pub helo_name: Option<String>,
    /// PEM file of a certificate authority to trust beside the public ones.
    pub extra_root_certificate: Option<PathBuf>,
}

const fn default_timeout() -> SignedDuration {
    SignedDuration::from_secs(30)
}

/// Settings that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// `from` or `reply_to` is not an address.
    #[error(transparent)]
    Address(#[from] InvalidMail),
    /// `timeout` is zero or negative.
    #[error("the time limit of the mail server must be longer than nothing")]
    Timeout,
    /// The file of `extra_root_certificate` cannot be read.
    #[error("cannot read the certificate {path}")]
    CertificateFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A certificate or the server's name is not usable for TLS.
    #[error("cannot set up TLS for the mail server")]
    Tls(#[source] lettre::transport::smtp::Error),
}

/// What TLS needs, or nothing where none is wanted.
pub(super) fn tls_parameters(
    settings: &SmtpSettings,
) -> Result<Option<TlsParameters>, SettingsError> {
    if settings.security == Security::None {
        return Ok(None);
    }
    let mut builder = TlsParameters::builder(settings.host.clone());
    if let Some(path) = &settings.extra_root_certificate {
        let pem = std::fs::read(path).map_err(|source| SettingsError::CertificateFile {
            path: path.clone(),
            source,
        })?;
        let certificate = Certificate::from_pem(&pem).map_err(SettingsError::Tls)?;
        builder = builder.add_root_certificate(certificate);
    }
    builder.build().map(Some).map_err(SettingsError::Tls)
}
