//! Handing a mail to an SMTP server (RFC 5321), and what came of it.
//!
//! A [`Mailer`] keeps a few connections open and uses them again. Connecting, TLS, greeting, AUTH and
//! every command have the same time limit each. A failure says whether another try can help: what
//! concerns the server or the way to it (unreachable, no TLS, password refused, 4xx) is transient,
//! what the server says of this mail or this reader (5xx) is permanent. When the connection breaks
//! after the text was handed over, the mail may have been taken: that is transient too, and the next
//! attempt carries the same Message-ID.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lettre::message::Mailbox;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt, Rset};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use lettre::transport::smtp::response::Response;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use super::message::{OutgoingMail, compose, mailbox};
use super::settings::{Password, Security, SettingsError, SmtpSettings, tls_parameters};

/// Longest server's answer that is kept, in characters.
const MAX_REPLY: usize = 500;
/// Connections kept open between mails.
const MAX_IDLE: usize = 4;
/// How long one is kept; servers hang up after minutes.
const MAX_IDLE_TIME: Duration = Duration::from_mins(1);

/// The server's answer to a mail it took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerReply {
    /// Reply code, 250 as a rule.
    pub code: u16,
    /// Its words, often with the server's own number for the mail; 500 characters at most.
    pub text: String,
}

/// Why a mail was not sent. `reply` is the server's words or what happened, 500 characters at most,
/// without credentials.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// Another try later may succeed.
    #[error("not sent yet: {reply}")]
    Transient {
        /// What happened.
        reply: String,
    },
    /// This mail to this reader will never be taken.
    #[error("not sent: {reply}")]
    Permanent {
        /// What happened.
        reply: String,
    },
}

/// Whether a negative answer speaks of the server or of the mail.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Server,
    Mail,
}

/// A failure, and whether it was an answer, after which the dialogue can go on.
struct Failure {
    error: SendError,
    answered: bool,
}

impl From<Failure> for SendError {
    fn from(failure: Failure) -> Self {
        failure.error
    }
}

struct Idle {
    connection: AsyncSmtpConnection,
    since: Instant,
}

/// Sends mail by one SMTP server.
pub struct Mailer {
    settings: SmtpSettings,
    limit: Duration,
    tls: Option<TlsParameters>,
    hello: ClientId,
    sender: Mailbox,
    reply_to: Option<Mailbox>,
    idle: Mutex<Vec<Idle>>,
}

impl fmt::Debug for Mailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailer")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl Mailer {
    /// Checks the settings and reads the certificate; connects to nothing.
    ///
    /// # Errors
    /// When an address, the time limit or the certificate cannot be used.
    pub fn new(settings: SmtpSettings) -> Result<Self, SettingsError> {
        let limit = Duration::try_from(settings.timeout).map_err(|_| SettingsError::Timeout)?;
        if limit.is_zero() {
            return Err(SettingsError::Timeout);
        }
        let hello = match &settings.helo_name {
            Some(name) => ClientId::Domain(name.clone()),
            None => ClientId::default(),
        };
        let reply_to = settings.reply_to.as_deref();
        Ok(Self {
            limit,
            tls: tls_parameters(&settings)?,
            hello,
            sender: mailbox(&settings.from, "sender")?,
            reply_to: reply_to
                .map(|text| mailbox(text, "answer address"))
                .transpose()?,
            idle: Mutex::new(Vec::new()),
            settings,
        })
    }

    /// Sends one mail to one reader. Returns when the server has taken it.
    ///
    /// # Errors
    /// See [`SendError`]; nothing is tried again here.
    pub async fn send(&self, mail: &OutgoingMail) -> Result<ServerReply, SendError> {
        let message = compose(mail, &self.sender, self.reply_to.as_ref()).map_err(|error| {
            SendError::Permanent {
                reply: error.to_string(),
            }
        })?;
        let mut connection = self.connection().await?;
        let sent = self.transmit(&mut connection, &message).await;
        // After silence a late answer would be taken for that of the next command.
        let usable = match &sent {
            Ok(_) => true,
            Err(failure) => failure.answered && self.reset(&mut connection).await,
        };
        if usable {
            let mut idle = self.idle.lock().await;
            if idle.len() < MAX_IDLE {
                let since = Instant::now();
                idle.push(Idle { connection, since });
            }
        }
        let response = sent?;
        Ok(ServerReply {
            code: response.code().into(),
            text: self.clean(&response.message().collect::<Vec<_>>().join(" ")),
        })
    }

    /// Connects, signs in and hangs up, to try the settings.
    ///
    /// # Errors
    /// As [`Mailer::send`], always [`SendError::Transient`].
    pub async fn test(&self) -> Result<(), SendError> {
        let mut connection = self.connect().await?;
        let goodbye = connection.quit();
        self.within(Stage::Server, "saying goodbye", goodbye)
            .await?;
        Ok(())
    }

    async fn transmit(
        &self,
        connection: &mut AsyncSmtpConnection,
        message: &lettre::Message,
    ) -> Result<Response, Failure> {
        let (envelope, octets) = (message.envelope(), message.formatted());
        let mut parameters = Vec::new();
        if !octets.is_ascii() {
            let server = connection.server_info();
            if !server.supports_feature(Extension::SmtpUtfEight) {
                let reply = "the mail server takes no addresses beyond ASCII (no SMTPUTF8)".into();
                return Err(Failure {
                    error: SendError::Permanent { reply },
                    answered: true,
                });
            }
            parameters.push(MailParameter::SmtpUtfEight);
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        let from = Mail::new(envelope.from().cloned(), parameters);
        self.within(Stage::Mail, "naming the sender", connection.command(from))
            .await?;
        for reader in envelope.to() {
            let to = Rcpt::new(reader.clone(), Vec::new());
            self.within(Stage::Mail, "naming the reader", connection.command(to))
                .await?;
        }
        self.within(Stage::Mail, "announcing the text", connection.command(Data))
            .await?;
        self.within(
            Stage::Mail,
            "handing over the text",
            connection.message(&octets),
        )
        .await
    }

    /// A connection ready for a mail: one that was used before and still answers, or a new one.
    async fn connection(&self) -> Result<AsyncSmtpConnection, SendError> {
        loop {
            let idle = self.idle.lock().await.pop();
            let Some(Idle {
                mut connection,
                since,
            }) = idle
            else {
                return self.connect().await;
            };
            if since.elapsed() < MAX_IDLE_TIME && self.reset(&mut connection).await {
                return Ok(connection);
            }
        }
    }

    /// Drops what a mail left behind; whether the server still answers.
    async fn reset(&self, connection: &mut AsyncSmtpConnection) -> bool {
        matches!(
            timeout(self.limit, connection.command(Rset)).await,
            Ok(Ok(_))
        )
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, SendError> {
        let settings = &self.settings;
        let (wrapper, upgrade) = match settings.security {
            Security::None => (None, None),
            Security::Starttls => (None, self.tls.clone()),
            Security::Tls => (self.tls.clone(), None),
        };
        let server = (settings.host.as_str(), settings.port);
        let opening = AsyncSmtpConnection::connect_tokio1(
            server,
            Some(self.limit),
            &self.hello,
            wrapper,
            None,
        );
        let mut connection = self.within(Stage::Server, "connecting", opening).await?;
        if let Some(parameters) = upgrade {
            let upgrading = connection.starttls(parameters, &self.hello);
            self.within(Stage::Server, "starting TLS", upgrading)
                .await?;
        }
        if let Some(username) = &settings.username {
            let password = settings.password.as_ref().map(|p| p.expose().to_owned());
            let credentials = Credentials::new(username.clone(), password.unwrap_or_default());
            let mechanisms = [Mechanism::Plain, Mechanism::Login];
            let signing_in = connection.auth(&mechanisms, &credentials);
            self.within(Stage::Server, "signing in", signing_in).await?;
        }
        Ok(connection)
    }

    async fn within<T>(
        &self,
        stage: Stage,
        step: &str,
        work: impl Future<Output = Result<T, lettre::transport::smtp::Error>>,
    ) -> Result<T, Failure> {
        let Ok(done) = timeout(self.limit, work).await else {
            let seconds = self.limit.as_secs_f64();
            let reply = format!("no answer within {seconds} s while {step}");
            return Err(Failure {
                error: SendError::Transient { reply },
                answered: false,
            });
        };
        done.map_err(|error| {
            let code = error.status().map(u16::from);
            let cause = std::error::Error::source(&error);
            let words = cause.map_or_else(|| error.to_string(), ToString::to_string);
            let number = code.map(|code| format!("{code} ")).unwrap_or_default();
            let reply = self.clean(&format!("{number}{words} (while {step})"));
            // 530 to 538 ask for or refuse a sign-in (RFC 4954 section 6): a matter of settings.
            let about_sign_in = code.is_some_and(|code| (530..=538).contains(&code));
            let permanent = stage == Stage::Mail && error.is_permanent() && !about_sign_in;
            Failure {
                error: if permanent {
                    SendError::Permanent { reply }
                } else {
                    SendError::Transient { reply }
                },
                answered: code.is_some(),
            }
        })
    }

    /// A server's words on one line, cut to length, without what we signed in with.
    fn clean(&self, words: &str) -> String {
        let mut text = words.split_whitespace().collect::<Vec<_>>().join(" ");
        text.retain(|c| !c.is_control());
        let password = self.settings.password.as_ref().map(Password::expose);
        if let Some(password) = password.filter(|p| !p.is_empty()) {
            let user = self.settings.username.as_deref().unwrap_or_default();
            for secret in [
                STANDARD.encode(format!("\0{user}\0{password}")),
                STANDARD.encode(password),
                password.to_owned(),
            ] {
                text = text.replace(&secret, "***");
            }
        }
        text.chars().take(MAX_REPLY).collect()
    }
}
