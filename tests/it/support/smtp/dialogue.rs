//! The server's side of one SMTP connection.

use std::io;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufStream};
use tokio::net::TcpStream;

use super::{Behaviour, Encryption, Received, Shared, Step};

trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Wire for T {}

struct Dialogue {
    stream: BufStream<Box<dyn Wire>>,
    shared: Arc<Shared>,
    encrypted: bool,
    login: Option<String>,
    from: Option<String>,
    to: Vec<String>,
}

/// What a command means for the connection.
enum Next {
    Continue,
    StartTls,
    Close,
}

/// Talks to one client until either side has had enough.
pub(super) async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    // A client that hangs up or fails the TLS handshake ends its own connection and nothing else.
    let _ = converse(stream, shared).await;
}

async fn converse(stream: TcpStream, shared: Arc<Shared>) -> io::Result<()> {
    let implicit = shared.demands.encryption == Encryption::Implicit;
    let wire: Box<dyn Wire> = if implicit {
        Box::new(shared.tls.accept(stream).await?)
    } else {
        Box::new(stream)
    };
    let mut dialogue = Dialogue {
        stream: BufStream::new(wire),
        shared,
        encrypted: implicit,
        login: None,
        from: None,
        to: Vec::new(),
    };
    if let Behaviour::GreetAfter(delay) = dialogue.behaviour() {
        tokio::time::sleep(delay).await;
    }
    dialogue.say("220 fake.test ESMTP").await?;
    while let Some(line) = dialogue.line().await? {
        match dialogue.obey(&line).await? {
            Next::Continue => {}
            Next::Close => return Ok(()),
            Next::StartTls => {
                let tls = dialogue.shared.tls.clone();
                let encrypted = tls.accept(dialogue.stream.into_inner()).await?;
                dialogue = Dialogue {
                    stream: BufStream::new(Box::new(encrypted)),
                    shared: dialogue.shared,
                    encrypted: true,
                    login: None,
                    from: None,
                    to: Vec::new(),
                };
            }
        }
    }
    Ok(())
}

impl Dialogue {
    fn behaviour(&self) -> Behaviour {
        self.shared.behaviour.lock().expect("the behaviour").clone()
    }

    async fn line(&mut self) -> io::Result<Option<String>> {
        let mut line = Vec::new();
        if self.stream.read_until(b'\n', &mut line).await? == 0 {
            return Ok(None);
        }
        Ok(Some(
            String::from_utf8_lossy(&line)
                .trim_end_matches(['\r', '\n'])
                .to_owned(),
        ))
    }

    async fn say(&mut self, answer: &str) -> io::Result<Next> {
        self.stream.write_all(answer.as_bytes()).await?;
        self.stream.write_all(b"\r\n").await?;
        self.stream.flush().await?;
        Ok(Next::Continue)
    }

    async fn obey(&mut self, line: &str) -> io::Result<Next> {
        let upper = line.to_ascii_uppercase();
        match upper.split_whitespace().next().unwrap_or_default() {
            "EHLO" => self.greet().await,
            "HELO" => self.say("250 fake.test").await,
            "NOOP" => self.say("250 2.0.0 nothing done").await,
            "RSET" => {
                self.forget();
                self.say("250 2.0.0 forgotten").await
            }
            "QUIT" => {
                self.say("221 2.0.0 bye").await?;
                Ok(Next::Close)
            }
            "STARTTLS" if self.wants_tls() => {
                self.say("220 2.0.0 go ahead").await?;
                Ok(Next::StartTls)
            }
            "AUTH" if !self.wants_tls() => self.log_in(line).await,
            "MAIL" | "RCPT" | "DATA" if self.wants_tls() => {
                self.say("530 5.7.0 issue STARTTLS first").await
            }
            "MAIL" | "RCPT" | "DATA" if self.wants_login() => {
                self.say("530 5.7.0 authentication required").await
            }
            "MAIL" => self.mail(line).await,
            "RCPT" => self.rcpt(line).await,
            "DATA" => self.data().await,
            _ => self.say("502 5.5.2 command not known").await,
        }
    }

    fn wants_tls(&self) -> bool {
        self.shared.demands.encryption == Encryption::StartTls && !self.encrypted
    }

    fn wants_login(&self) -> bool {
        self.shared.demands.login.is_some() && self.login.is_none()
    }

    fn forget(&mut self) {
        self.from = None;
        self.to.clear();
    }

    async fn greet(&mut self) -> io::Result<Next> {
        let mut offers = vec!["fake.test", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"];
        if self.wants_tls() {
            offers.push("STARTTLS");
        } else if self.wants_login() {
            offers.push("AUTH PLAIN LOGIN");
        }
        let last = offers.len() - 1;
        for (index, offer) in offers.into_iter().enumerate() {
            let separator = if index == last { ' ' } else { '-' };
            self.say(&format!("250{separator}{offer}")).await?;
        }
        Ok(Next::Continue)
    }

    async fn log_in(&mut self, line: &str) -> io::Result<Next> {
        let mut words = line.split_whitespace().skip(1);
        let mechanism = words.next().unwrap_or_default().to_ascii_uppercase();
        let initial = words.next().map(str::to_owned);
        let (user, password) = match mechanism.as_str() {
            "PLAIN" => {
                let text = self.secret(initial, "").await?;
                let mut fields = text.splitn(3, '\0').skip(1).map(str::to_owned);
                (fields.next(), fields.next())
            }
            "LOGIN" => {
                let user = self.secret(initial, "VXNlcm5hbWU6").await?;
                (Some(user), Some(self.secret(None, "UGFzc3dvcmQ6").await?))
            }
            _ => return self.say("504 5.5.4 mechanism not known").await,
        };
        let given = user.zip(password);
        if given.is_none() || given != self.shared.demands.login {
            return self.say("535 5.7.8 credentials invalid").await;
        }
        self.login = given.map(|(user, _)| user);
        self.say("235 2.7.0 welcome").await
    }

    /// What the client sent along, or answers to a challenge, decoded; empty when it is not base64 of text.
    async fn secret(&mut self, sent: Option<String>, challenge: &str) -> io::Result<String> {
        let encoded = if let Some(sent) = sent {
            sent
        } else {
            self.say(&format!("334 {challenge}")).await?;
            self.line().await?.unwrap_or_default()
        };
        let decoded = STANDARD.decode(encoded).unwrap_or_default();
        Ok(String::from_utf8(decoded).unwrap_or_default())
    }

    /// The answer that the test ordered for this step, if it did.
    fn ordered(&self, step: Step) -> Option<String> {
        match self.behaviour() {
            Behaviour::Answer(at, code, text) if at == step => Some(format!("{code} {text}")),
            _ => None,
        }
    }

    async fn mail(&mut self, line: &str) -> io::Result<Next> {
        if let Some(answer) = self.ordered(Step::Mail) {
            return self.say(&answer).await;
        }
        self.forget();
        self.from = Some(address(line));
        self.say("250 2.1.0 sender ok").await
    }

    async fn rcpt(&mut self, line: &str) -> io::Result<Next> {
        if let Some(answer) = self.ordered(Step::Rcpt) {
            return self.say(&answer).await;
        }
        if self.from.is_none() {
            return self.say("503 5.5.1 MAIL first").await;
        }
        self.to.push(address(line));
        self.say("250 2.1.5 recipient ok").await
    }

    async fn data(&mut self) -> io::Result<Next> {
        if let Some(answer) = self.ordered(Step::Data) {
            return self.say(&answer).await;
        }
        if self.to.is_empty() {
            return self.say("503 5.5.1 RCPT first").await;
        }
        self.say("354 end with a dot").await?;
        let Some(raw) = self.content().await? else {
            return Ok(Next::Close);
        };
        if self.behaviour() == Behaviour::HangAfterData {
            return std::future::pending().await;
        }
        if let Some(answer) = self.ordered(Step::Message) {
            self.forget();
            return self.say(&answer).await;
        }
        let message = Received {
            from: self.from.take().unwrap_or_default(),
            to: std::mem::take(&mut self.to),
            encrypted: self.encrypted,
            login: self.login.clone(),
            raw,
        };
        self.shared
            .received
            .send_modify(|received| received.push(message));
        if self.behaviour() == Behaviour::CutAfterData {
            return Ok(Next::Close);
        }
        self.say("250 2.0.0 accepted").await
    }

    /// The message up to the lone dot, dots undoubled (RFC 5321, section 4.5.2); none when the client hung up.
    async fn content(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut raw = Vec::new();
        loop {
            let mut line = Vec::new();
            if self.stream.read_until(b'\n', &mut line).await? == 0 {
                return Ok(None);
            }
            if line == b".\r\n" {
                return Ok(Some(raw));
            }
            raw.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
        }
    }
}

/// The address between the angle brackets.
fn address(line: &str) -> String {
    let start = line.find('<').map_or(0, |at| at + 1);
    let end = line.find('>').unwrap_or(line.len());
    line.get(start..end).unwrap_or_default().to_owned()
}
