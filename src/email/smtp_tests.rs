//! The dialogue with a mail server, held with a small one on this machine.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use jiff::SignedDuration;

use super::message::tests::mail;
use super::*;

/// Answers by the first word of a line; `None` hangs up, an empty answer says nothing.
type Answers = fn(&str, u32) -> Option<&'static str>;

struct Server {
    port: u16,
    lines: Arc<Mutex<Vec<String>>>,
    connections: Arc<Mutex<u32>>,
}

impl Server {
    /// A server that answers well, except where `answers` differs. `answers` gets each line and the
    /// number of its connection, counted from 1.
    async fn start(answers: Answers) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (lines, connections) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(0)));
        let server = Self {
            port,
            lines: Arc::clone(&lines),
            connections: Arc::clone(&connections),
        };
        let listener = listener.into_std().unwrap();
        // A thread of its own, which ends with the test program.
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.unwrap().block_on(async move {
                let listener = TcpListener::from_std(listener).unwrap();
                let mut running = tokio::task::JoinSet::new();
                while let Ok((stream, _)) = listener.accept().await {
                    let number = {
                        let mut count = connections.lock().unwrap();
                        *count += 1;
                        *count
                    };
                    running.spawn(dialogue(stream, answers, number, Arc::clone(&lines)));
                }
            });
        });
        server
    }

    fn mailer(&self) -> Mailer {
        Mailer::new(self.settings()).unwrap()
    }

    fn settings(&self) -> SmtpSettings {
        serde_json::from_value(serde_json::json!({
            "host": "127.0.0.1", "port": self.port, "security": "none", "timeout": "400ms",
            "from": "Northwind <no-reply@example.com>", "helo_name": "app.example.com",
        }))
        .unwrap()
    }

    fn said(&self) -> String {
        self.lines.lock().unwrap().join("\n")
    }
}

async fn dialogue(
    stream: TcpStream,
    answers: Answers,
    number: u32,
    lines: Arc<Mutex<Vec<String>>>,
) -> Option<()> {
    let mut stream = BufReader::new(stream);
    let mut in_text = false;
    let mut line = "GREETING".to_owned();
    loop {
        let command = line.split([' ', ':']).next().unwrap_or_default().to_owned();
        let usual = match (in_text, line.as_str()) {
            (true, ".") => "250 2.0.0 queued as 4711",
            (true, _) => "",
            (false, "GREETING") => "220 mx.example.com",
            (false, "DATA") => "354 go on",
            (false, _) if command == "EHLO" => {
                "250-mx.example.com\r\n250-8BITMIME\r\n250-AUTH PLAIN LOGIN\r\n250 SMTPUTF8"
            }
            (false, _) if command == "AUTH" => "235 welcome",
            (false, _) => "250 ok",
        };
        let ask = !in_text || line == ".";
        let answer = match answers(&line, number) {
            Some("usual") => usual,
            Some(own) if ask => own,
            Some(_) => "",
            None => return None,
        };
        in_text = answer.starts_with("354") || (in_text && line != ".");
        if !answer.is_empty() {
            stream
                .write_all(format!("{answer}\r\n").as_bytes())
                .await
                .ok()?;
        }
        line.clear();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        line = line.trim_end().to_owned();
        lines.lock().unwrap().push(line.clone());
    }
}

fn transient(error: SendError) -> String {
    match error {
        SendError::Transient { reply } => reply,
        SendError::Permanent { reply } => panic!("permanent: {reply}"),
    }
}

fn permanent(error: SendError) -> String {
    match error {
        SendError::Permanent { reply } => reply,
        SendError::Transient { reply } => panic!("transient: {reply}"),
    }
}

#[tokio::test]
async fn a_mail_is_handed_over_and_the_connection_used_again() {
    let server = Server::start(|_, _| Some("usual")).await;
    let mailer = server.mailer();
    for _ in 0..3 {
        let reply = mailer.send(&mail()).await.unwrap();
        assert_eq!(reply.code, 250);
        assert_eq!(reply.text, "2.0.0 queued as 4711");
    }
    let said = server.said();
    assert_eq!(*server.connections.lock().unwrap(), 1);
    assert_eq!(said.matches("EHLO app.example.com").count(), 1);
    assert_eq!(said.matches("RCPT TO:<ada@example.com>").count(), 3);
    assert!(said.contains("MAIL FROM:<no-reply@example.com>\n"));
    assert!(
        said.contains("\n..\n"),
        "a line of one dot is doubled (RFC 5321 section 4.5.2)"
    );
    mailer.test().await.unwrap();
}

#[tokio::test]
async fn a_refused_reader_is_permanent_and_the_next_mail_goes_through() {
    let server = Server::start(|line, _| match line {
        "RCPT TO:<gone@example.com>" => Some("550 5.1.1 no such\tperson"),
        _ => Some("usual"),
    })
    .await;
    let mailer = server.mailer();
    let mut gone = mail();
    gone.to = "gone@example.com".into();
    let reply = permanent(mailer.send(&gone).await.unwrap_err());
    assert_eq!(reply, "550 5.1.1 no such person (while naming the reader)");
    mailer.send(&mail()).await.unwrap();
}

#[tokio::test]
async fn what_another_try_can_help_is_transient() {
    let answers: [(Answers, &str); 6] = [
        (
            |l, _| {
                Some(if l.starts_with("RCPT") {
                    "451 4.7.1 greylisted"
                } else {
                    "usual"
                })
            },
            "451 4.7.1 greylisted",
        ),
        (
            |l, _| {
                Some(if l == "GREETING" {
                    "554 go away"
                } else {
                    "usual"
                })
            },
            "554 go away (while connecting)",
        ),
        (
            |l, _| {
                Some(if l.starts_with("MAIL") {
                    "530 5.7.0 sign in first"
                } else {
                    "usual"
                })
            },
            "sign in first",
        ),
        (
            |l, _| Some(if l == "." { "" } else { "usual" }),
            "no answer within 0.4 s while handing over the text",
        ),
        (
            |l, _| Some(if l == "GREETING" { "" } else { "usual" }),
            "no answer within 0.4 s while connecting",
        ),
        (
            |l, _| (l != "DATA").then_some("usual"),
            "while announcing the text",
        ),
    ];
    for (answer, expected) in answers {
        let server = Server::start(answer).await;
        let reply = transient(server.mailer().send(&mail()).await.unwrap_err());
        assert!(reply.contains(expected), "{reply}");
    }
    let free = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let mut settings = Server::start(|_, _| Some("usual")).await.settings();
    settings.port = free;
    let reply = transient(
        Mailer::new(settings.clone())
            .unwrap()
            .send(&mail())
            .await
            .unwrap_err(),
    );
    assert!(reply.to_lowercase().contains("refused"), "{reply}");
}

#[tokio::test]
async fn a_connection_the_server_closed_meanwhile_is_replaced() {
    let server =
        Server::start(|line, number| (line != "RSET" || number > 1).then_some("usual")).await;
    let mailer = server.mailer();
    mailer.send(&mail()).await.unwrap();
    mailer.send(&mail()).await.unwrap();
    assert_eq!(*server.connections.lock().unwrap(), 2);
}

#[tokio::test]
async fn a_refused_sign_in_is_transient_and_tells_no_secret() {
    let server = Server::start(|line, _| match line.split(' ').next() {
        Some("AUTH") => Some("535 5.7.8 not with AGFkYQBzM2NyM3Qhcw== and s3cr3t!s"),
        _ => Some("usual"),
    })
    .await;
    let mut settings = server.settings();
    settings.username = Some("ada".into());
    settings.password = Some("s3cr3t!s".to_owned().into());
    assert!(!format!("{settings:?}").contains("s3cr3t"));
    let mailer = Mailer::new(settings).unwrap();
    assert!(!format!("{mailer:?}").contains("s3cr3t"));
    let reply = transient(mailer.send(&mail()).await.unwrap_err());
    assert_eq!(reply, "535 5.7.8 not with *** and *** (while signing in)");
    assert!(server.said().contains("AUTH PLAIN AGFkYQBzM2NyM3Qhcw=="));
}

#[tokio::test]
async fn addresses_beyond_ascii_need_a_server_that_takes_them() {
    let mut mail = mail();
    mail.to = "jürgen@bücher.example".into();
    let able = Server::start(|_, _| Some("usual")).await;
    able.mailer().send(&mail).await.unwrap();
    assert!(
        able.said()
            .contains("MAIL FROM:<no-reply@example.com> SMTPUTF8 BODY=8BITMIME")
    );
    assert!(
        able.said()
            .contains("RCPT TO:<jürgen@xn--bcher-kva.example>")
    );
    let unable = Server::start(|line, _| {
        Some(if line.starts_with("EHLO") {
            "250 mx.example.com"
        } else {
            "usual"
        })
    })
    .await;
    let reply = permanent(unable.mailer().send(&mail).await.unwrap_err());
    assert!(reply.contains("SMTPUTF8"), "{reply}");
}

#[tokio::test]
async fn tls_that_is_demanded_is_never_done_without() {
    let server = Server::start(|_, _| Some("usual")).await;
    for security in [Security::Starttls, Security::Tls] {
        let mut settings = server.settings();
        settings.security = security;
        transient(
            Mailer::new(settings)
                .unwrap()
                .send(&mail())
                .await
                .unwrap_err(),
        );
    }
    assert!(!server.said().contains("MAIL FROM"));
}

#[tokio::test]
async fn long_answers_are_cut_and_wrong_settings_refused() {
    let server = Server::start(|line, _| {
        let long = "552-".to_owned() + &"x".repeat(400) + "\r\n552 " + &"y\u{7}".repeat(400);
        Some(if line == "." { long.leak() } else { "usual" })
    })
    .await;
    let reply = permanent(server.mailer().send(&mail()).await.unwrap_err());
    assert_eq!(reply.chars().count(), 500);
    assert!(reply.starts_with("552 xxx") && !reply.contains('\u{7}'));

    let wrong = |change: fn(&mut SmtpSettings)| {
        let mut settings = server.settings();
        change(&mut settings);
        Mailer::new(settings).unwrap_err().to_string()
    };
    assert!(wrong(|s| s.from = "nobody".into()).contains("sender"));
    assert!(wrong(|s| s.reply_to = Some("a@b\r\nc".into())).contains("answer address"));
    assert!(wrong(|s| s.timeout = SignedDuration::ZERO).contains("time limit"));
    assert!(
        wrong(|s| {
            s.security = Security::Tls;
            s.extra_root_certificate = Some("/nowhere.pem".into());
        })
        .contains("/nowhere.pem")
    );
}
