//! A mail server that records what it accepts and fails as it is told to.
//!
//! It speaks SMTP (RFC 5321) over real sockets, with STARTTLS (RFC 3207), TLS from the first byte (RFC 8314) and AUTH
//! PLAIN and LOGIN (RFC 4954). The dialogue itself is in `dialogue.rs`.

mod dialogue;
mod tests;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mail_parser::{Message, MessageParser, MimeHeaders};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use self::dialogue::serve;

/// How the server treats its clients, from the next command on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Behaviour {
    /// Takes every message.
    Accept,
    /// Nobody listens on the port; connections that were open are cut.
    RefuseConnection,
    /// Waits this long before its greeting, then takes every message.
    GreetAfter(Duration),
    /// Answers a step with this code (4xx or 5xx) and text.
    Answer(Step, u16, &'static str),
    /// Reads the message, keeps nothing, and never answers.
    HangAfterData,
    /// Keeps the message, then cuts the connection instead of saying so: the client cannot know.
    CutAfterData,
}

/// Where in the dialogue [`Behaviour::Answer`] applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// `MAIL FROM`
    Mail,
    /// `RCPT TO`
    Rcpt,
    /// `DATA`
    Data,
    /// The dot at the end of the message.
    Message,
}

/// Whether and when the server speaks TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Encryption {
    /// Never.
    #[default]
    None,
    /// Offers STARTTLS, and takes mail and passwords only after it.
    StartTls,
    /// From the first byte.
    Implicit,
}

/// What the server demands; by default nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Demands {
    /// Whether and when it speaks TLS.
    pub(crate) encryption: Encryption,
    /// The user name and password without which it takes no mail.
    pub(crate) login: Option<(String, String)>,
}

/// A message as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    /// The address of `MAIL FROM`.
    pub(crate) from: String,
    /// The addresses of `RCPT TO`.
    pub(crate) to: Vec<String>,
    /// Whether it came over TLS.
    pub(crate) encrypted: bool,
    /// The user name the client logged in with.
    pub(crate) login: Option<String>,
    /// Headers and body as sent, without the doubled dots.
    pub(crate) raw: Vec<u8>,
}

impl Received {
    /// `Message-ID` without its angle brackets; panics when there is none.
    pub(crate) fn message_id(&self) -> String {
        let parsed = self.parsed();
        parsed.message_id().expect("a Message-ID").to_owned()
    }

    /// The subject, decoded.
    pub(crate) fn subject(&self) -> String {
        self.parsed().subject().unwrap_or_default().to_owned()
    }

    /// A header's value as written, unfolded and trimmed.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let value = self.parsed().header_raw(name)?.replace("\r\n", "");
        Some(value.trim().to_owned())
    }

    /// The decoded `text/plain` part.
    pub(crate) fn text(&self) -> Option<String> {
        self.part("plain")
    }

    /// The decoded `text/html` part.
    pub(crate) fn html(&self) -> Option<String> {
        self.part("html")
    }

    fn part(&self, subtype: &str) -> Option<String> {
        let parsed = self.parsed();
        // A part without a Content-Type is text/plain (RFC 2045, section 5.2).
        let part = parsed.parts.iter().find(|part| {
            part.content_type().map_or(subtype == "plain", |kind| {
                kind.ctype() == "text" && kind.subtype() == Some(subtype)
            })
        })?;
        part.text_contents().map(|text| text.replace("\r\n", "\n"))
    }

    fn parsed(&self) -> Message<'_> {
        MessageParser::default()
            .parse(&self.raw)
            .expect("a message")
    }
}

/// What the dialogues of one server share.
struct Shared {
    demands: Demands,
    behaviour: Mutex<Behaviour>,
    received: watch::Sender<Vec<Received>>,
    tls: TlsAcceptor,
}

/// A mail server on a free port of the loopback address, ended when this is dropped.
pub(crate) struct FakeSmtp {
    address: SocketAddr,
    certificate: CertificateDer<'static>,
    shared: Arc<Shared>,
    listening: tokio::sync::Mutex<JoinSet<()>>,
}

impl FakeSmtp {
    /// A server that demands nothing and takes everything.
    pub(crate) async fn start() -> Self {
        Self::demanding(Demands::default()).await
    }

    /// A server that demands TLS, a login, or both.
    pub(crate) async fn demanding(demands: Demands) -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".into(), "127.0.0.1".into()])
            .expect("a certificate");
        let certificate = made.cert.der().clone();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
        let provider = tokio_rustls::rustls::crypto::ring::default_provider();
        let config = ServerConfig::builder_with_provider(Arc::new(provider))
            .with_safe_default_protocol_versions()
            .expect("protocol versions")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone()], key)
            .expect("a certificate that fits its key");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let server = Self {
            address: listener.local_addr().expect("its address"),
            certificate,
            shared: Arc::new(Shared {
                demands,
                behaviour: Mutex::new(Behaviour::Accept),
                received: watch::Sender::new(Vec::new()),
                tls: TlsAcceptor::from(Arc::new(config)),
            }),
            listening: tokio::sync::Mutex::new(JoinSet::new()),
        };
        server.listen(listener).await;
        server
    }

    /// Where it listens.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.address
    }

    /// Its self-signed certificate for `localhost` and `127.0.0.1`, in DER.
    pub(crate) fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// Changes how clients are treated; in force when this returns.
    pub(crate) async fn set(&self, behaviour: Behaviour) {
        let refuse = behaviour == Behaviour::RefuseConnection;
        *self.shared.behaviour.lock().expect("the behaviour") = behaviour;
        let mut listening = self.listening.lock().await;
        if refuse {
            listening.shutdown().await;
        } else if listening.is_empty() {
            drop(listening);
            let listener = TcpListener::bind(self.address).await.expect("the old port");
            self.listen(listener).await;
        }
    }

    /// All it has accepted, in order.
    pub(crate) fn messages(&self) -> Vec<Received> {
        self.shared.received.borrow().clone()
    }

    /// Waits until it has accepted this many messages in all, and gives them; panics when that takes too long.
    pub(crate) async fn wait_for(&self, count: usize, timeout: Duration) -> Vec<Received> {
        let mut received = self.shared.received.subscribe();
        let enough = received.wait_for(|messages| messages.len() >= count);
        if tokio::time::timeout(timeout, enough).await.is_err() {
            let messages = self.messages();
            let subjects: Vec<String> = messages.iter().map(Received::subject).collect();
            panic!("{count} messages wanted in {timeout:?}, these came: {subjects:?}");
        }
        self.messages()
    }

    async fn listen(&self, listener: TcpListener) {
        let shared = Arc::clone(&self.shared);
        self.listening.lock().await.spawn(async move {
            // Dropped with the listener, so that refusing connections ends those that are open.
            let mut dialogues = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                dialogues.spawn(serve(stream, Arc::clone(&shared)));
            }
        });
    }
}
