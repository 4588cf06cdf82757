//! The fake mail server in dialogue with a real client.

use std::time::{Duration, Instant};

use lettre::message::MultiPart;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::{AsyncSmtpTransportBuilder, Error};
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use tokio::time::timeout;

use super::{Behaviour, Demands, Encryption, FakeSmtp, Step};

const SOON: Duration = Duration::from_secs(10);

fn client(server: &FakeSmtp) -> AsyncSmtpTransportBuilder {
    AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous("127.0.0.1")
        .port(server.addr().port())
        .timeout(Some(SOON))
}

async fn send(client: AsyncSmtpTransportBuilder) -> Result<(), Error> {
    let mail = lettre::Message::builder()
        .from("Acme <hello@acme.test>".parse().expect("an address"))
        .to("Ada <ada@example.com>".parse().expect("an address"))
        .subject(
            "Grüße, and a subject that is long enough to be folded over two lines of the header",
        )
        .message_id(Some("<1@acme.test>".into()))
        .multipart(MultiPart::alternative_plain_html(
            "Hallo Jürgen\n.a dot first".to_owned(),
            "<p>Hallo Jürgen</p>".to_owned(),
        ))
        .expect("a mail");
    client.build().send(mail).await.map(|_| ())
}

fn trusting(server: &FakeSmtp) -> TlsParameters {
    let certificate = Certificate::from_der(server.certificate().to_vec()).expect("DER");
    TlsParameters::builder("127.0.0.1".to_owned())
        .add_root_certificate(certificate)
        .build()
        .expect("TLS parameters")
}

#[tokio::test]
async fn a_message_arrives_whole() {
    let server = FakeSmtp::start().await;
    send(client(&server)).await.expect("accepted");
    let messages = server.wait_for(1, SOON).await;
    let message = &messages[0];
    assert_eq!(message.from, "hello@acme.test");
    assert_eq!(message.to, ["ada@example.com"]);
    assert_eq!(message.message_id(), "1@acme.test");
    assert!(
        message.subject().starts_with("Grüße, and"),
        "{}",
        message.subject()
    );
    assert_eq!(
        message.header("To").as_deref(),
        Some("Ada <ada@example.com>")
    );
    assert_eq!(message.header("X-None"), None);
    assert_eq!(
        message.text().as_deref(),
        Some("Hallo Jürgen\n.a dot first")
    );
    assert_eq!(message.html().as_deref(), Some("<p>Hallo Jürgen</p>"));
    assert!(!message.encrypted && message.login.is_none());
}

#[tokio::test]
async fn each_step_answers_as_told() {
    let server = FakeSmtp::start().await;
    for step in [Step::Mail, Step::Rcpt, Step::Data, Step::Message] {
        server
            .set(Behaviour::Answer(step, 451, "4.3.0 later"))
            .await;
        let error = send(client(&server)).await.expect_err("refused for now");
        assert!(error.is_transient(), "{step:?}: {error:?}");
        server
            .set(Behaviour::Answer(step, 550, "5.1.1 never"))
            .await;
        let error = send(client(&server)).await.expect_err("refused for good");
        assert!(error.is_permanent(), "{step:?}: {error:?}");
    }
    assert!(server.messages().is_empty());
}

#[tokio::test]
async fn a_server_that_is_away_refuses_and_comes_back_on_its_port() {
    let server = FakeSmtp::start().await;
    server.set(Behaviour::RefuseConnection).await;
    let refused = tokio::net::TcpStream::connect(server.addr()).await;
    assert_eq!(
        refused.expect_err("nobody listens").kind(),
        std::io::ErrorKind::ConnectionRefused
    );
    server.set(Behaviour::Accept).await;
    send(client(&server)).await.expect("accepted");
}

#[tokio::test]
async fn slow_hanging_and_cut_connections() {
    let server = FakeSmtp::start().await;
    let begun = Instant::now();
    server
        .set(Behaviour::GreetAfter(Duration::from_millis(200)))
        .await;
    send(client(&server)).await.expect("late but accepted");
    assert!(begun.elapsed() >= Duration::from_millis(200));

    server.set(Behaviour::HangAfterData).await;
    // The client's own limit ends with connecting.
    let sent = timeout(Duration::from_millis(300), send(client(&server))).await;
    assert!(sent.is_err(), "{sent:?}");
    assert_eq!(server.messages().len(), 1);

    server.set(Behaviour::CutAfterData).await;
    send(client(&server))
        .await
        .expect_err("no word of acceptance");
    assert_eq!(server.messages().len(), 2);
}

#[tokio::test]
async fn mail_without_the_right_password_is_refused() {
    let server = FakeSmtp::demanding(Demands {
        login: Some(("ada".to_owned(), "geheim".to_owned())),
        ..Demands::default()
    })
    .await;
    send(client(&server)).await.expect_err("no password");
    for mechanism in [Mechanism::Plain, Mechanism::Login] {
        for (password, right) in [("falsch", false), ("geheim", true)] {
            let credentials = Credentials::new("ada".to_owned(), password.to_owned());
            let client = client(&server)
                .credentials(credentials)
                .authentication(vec![mechanism]);
            assert_eq!(
                send(client).await.is_ok(),
                right,
                "{mechanism:?} {password}"
            );
        }
    }
    let messages = server.messages();
    assert_eq!(messages.len(), 2);
    assert_eq!(messages[1].login.as_deref(), Some("ada"));
}

#[tokio::test]
async fn tls_on_request_and_from_the_first_byte() {
    for encryption in [Encryption::StartTls, Encryption::Implicit] {
        let server = FakeSmtp::demanding(Demands {
            encryption,
            ..Demands::default()
        })
        .await;
        // Refused, or left waiting for a greeting, since the server waits for TLS.
        let plain = timeout(Duration::from_millis(300), send(client(&server))).await;
        assert!(!matches!(plain, Ok(Ok(()))));
        let tls = match encryption {
            Encryption::Implicit => Tls::Wrapper(trusting(&server)),
            _ => Tls::Required(trusting(&server)),
        };
        send(client(&server).tls(tls))
            .await
            .expect("accepted over TLS");
        assert!(server.messages()[0].encrypted);
    }
}
