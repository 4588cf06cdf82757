//! One mail as the octets that go over the wire (RFC 5322, RFC 2045 and following).
//!
//! Names and subjects are encoded by RFC 2047, bodies as quoted-printable or base64, so that only an
//! address that is not ASCII itself makes a message that is not ASCII. Domains go in their ASCII form
//! (RFC 5891). What carries a control character is refused before anything is written, so that no
//! name can add a header line.

use std::time::SystemTime;

use jiff::Timestamp;
use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::{Address, Message};

/// A mail to be sent, once it is known what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutgoingMail {
    /// Message-ID without angle brackets, such as `mail_01h…@example.com`; the same over all attempts.
    pub message_id: String,
    /// The time of the `Date` header.
    pub date: Timestamp,
    /// Name of the sender instead of the configured one, such as the account's brand.
    pub from_name: Option<String>,
    /// Where answers go instead of the configured address.
    pub reply_to: Option<String>,
    /// Name of the reader.
    pub to_name: Option<String>,
    /// Address of the reader; the part before the `@` may be UTF-8 (RFC 6531).
    pub to: String,
    /// Subject line.
    pub subject: String,
    /// Plain text part.
    pub text: String,
    /// HTML part.
    pub html: String,
}

/// Why a mail cannot be written. No other attempt will change it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMail {
    /// A header text has a line break or another control character.
    #[error("the {0} contains a control character")]
    ControlCharacter(&'static str),
    /// Not an address.
    #[error("the {0} is not an e-mail address")]
    Address(&'static str),
    /// The Message-ID is not of the form `left@right` in printable ASCII.
    #[error("the Message-ID is malformed")]
    MessageId,
    /// The parts do not make a message.
    #[error("the message cannot be put together")]
    Composition,
}

/// Says that no person wrote this mail, so that no absence note answers it (RFC 3834 section 5).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".into())
    }
}

/// Puts a mail together; `sender` and `reply_to` are the configured ones.
pub(super) fn compose(
    mail: &OutgoingMail,
    sender: &Mailbox,
    reply_to: Option<&Mailbox>,
) -> Result<Message, InvalidMail> {
    let mut from = sender.clone();
    if let Some(name) = &mail.from_name {
        from.name = Some(header_text(name, "sender's name")?);
    }
    let to_name = mail
        .to_name
        .as_deref()
        .filter(|name| !name.trim().is_empty());
    let to_name = to_name
        .map(|name| header_text(name, "reader's name"))
        .transpose()?;
    let to = Mailbox::new(to_name, address(&mail.to, "reader's address")?);
    let mut message = Message::builder()
        .message_id(Some(format!("<{}>", message_id(&mail.message_id)?)))
        .date(SystemTime::try_from(mail.date).map_err(|_| InvalidMail::Composition)?)
        .from(from)
        .to(to)
        .subject(header_text(&mail.subject, "subject")?)
        .header(AutoSubmitted);
    match &mail.reply_to {
        Some(own) => {
            message = message.reply_to(Mailbox::new(None, address(own, "answer address")?));
        }
        None => {
            if let Some(configured) = reply_to {
                message = message.reply_to(configured.clone());
            }
        }
    }
    message
        .multipart(MultiPart::alternative_plain_html(
            mail.text.clone(),
            mail.html.clone(),
        ))
        .map_err(|_| InvalidMail::Composition)
}

/// Reads `name@example.com` or `Name <name@example.com>`, as a setting has it.
pub(super) fn mailbox(text: &str, what: &'static str) -> Result<Mailbox, InvalidMail> {
    let text = header_text(text, what)?;
    let Some((name, rest)) = text.trim().rsplit_once('<') else {
        return Ok(Mailbox::new(None, address(&text, what)?));
    };
    let inner = rest.strip_suffix('>').ok_or(InvalidMail::Address(what))?;
    let name = name.trim().trim_matches('"').trim();
    let name = Some(name.to_owned()).filter(|name| !name.is_empty());
    Ok(Mailbox::new(name, address(inner, what)?))
}

fn header_text(text: &str, what: &'static str) -> Result<String, InvalidMail> {
    let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    if text.contains(breaks) {
        return Err(InvalidMail::ControlCharacter(what));
    }
    Ok(text.trim().to_owned())
}

fn address(text: &str, what: &'static str) -> Result<Address, InvalidMail> {
    let text = header_text(text, what)?;
    let (user, domain) = text.rsplit_once('@').ok_or(InvalidMail::Address(what))?;
    let domain = if domain.is_ascii() {
        domain.to_owned()
    } else {
        let host = url::Host::parse(domain).map_err(|_| InvalidMail::Address(what))?;
        host.to_string()
    };
    Address::new(user, domain).map_err(|_| InvalidMail::Address(what))
}

fn message_id(id: &str) -> Result<&str, InvalidMail> {
    let printable = |b: u8| b.is_ascii_graphic() && !matches!(b, b'<' | b'>' | b'@');
    match id.split_once('@') {
        Some((left, right))
            if !left.is_empty()
                && !right.is_empty()
                && id.len() <= 200
                && left.bytes().chain(right.bytes()).all(printable) =>
        {
            Ok(id)
        }
        _ => Err(InvalidMail::MessageId),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::email) fn mail() -> OutgoingMail {
        OutgoingMail {
            message_id: "mail_01h@example.com".into(),
            date: "2026-03-04T08:00:00Z".parse().unwrap(),
            from_name: None,
            reply_to: None,
            to_name: Some("Ada Byron".into()),
            to: "ada@example.com".into(),
            subject: "Your courses".into(),
            text: "Hello Ada,\n.\nthe end".into(),
            html: "<p>Hello Ada</p>".into(),
        }
    }

    fn written(change: impl Fn(&mut OutgoingMail)) -> Result<String, InvalidMail> {
        let mut mail = mail();
        change(&mut mail);
        let sender = mailbox("Northwind <no-reply@example.com>", "from").unwrap();
        let message = compose(&mail, &sender, None)?;
        Ok(String::from_utf8(message.formatted()).unwrap())
    }

    #[test]
    fn the_headers_are_those_of_a_mail_by_a_machine() {
        let message = written(|_| ()).unwrap();
        for line in [
            "Message-ID: <mail_01h@example.com>",
            "Date: Wed, 04 Mar 2026 08:00:00 +0000",
            "From: Northwind <no-reply@example.com>",
            "To: \"Ada Byron\" <ada@example.com>",
            "Subject: Your courses",
            "Auto-Submitted: auto-generated",
            "MIME-Version: 1.0",
        ] {
            assert!(
                message.contains(&format!("{line}\r\n")),
                "{line} in {message}"
            );
        }
        assert!(message.contains("multipart/alternative"));
        let (text, html) = (message.find("text/plain"), message.find("text/html"));
        assert!(
            text < html,
            "the richest part comes last (RFC 2046 section 5.1.4)"
        );
    }

    #[test]
    fn names_and_subjects_of_every_script_are_encoded() {
        let message = written(|mail| {
            mail.to_name = Some("نور الهدى 👩🏽‍🚀".into());
            mail.from_name = Some("Müller, \"Söhne\" & Co".into());
            mail.subject = "Für Sie: ".to_owned() + &"Übergrößenträger ".repeat(20);
            mail.text = "Grüße ✓".into();
        })
        .unwrap();
        assert!(message.is_ascii(), "{message}");
        assert!(message.contains("=?utf-8?b?"));
        assert!(message.lines().all(|line| line.len() <= 998));
    }

    #[test]
    fn line_breaks_in_headers_are_refused() {
        let attack = "x\r\nBcc: all@example.com";
        let refused = |change: fn(&mut OutgoingMail, String)| {
            written(|mail| change(mail, attack.to_owned()))
                .unwrap_err()
                .to_string()
        };
        assert!(refused(|m, x| m.subject = x).contains("subject"));
        assert!(refused(|m, x| m.to_name = Some(x)).contains("reader's name"));
        assert!(refused(|m, x| m.from_name = Some(x)).contains("sender's name"));
        assert!(refused(|m, x| m.reply_to = Some(x)).contains("answer address"));
        assert!(refused(|m, x| m.to = x).contains("reader's address"));
        assert!(refused(|m, x| m.message_id = x + "@y").contains("Message-ID"));
        for wrong in [
            "",
            "a",
            "@",
            "a@",
            "a b@example.com",
            "a@b>,<c@d.example",
            "a@-",
        ] {
            assert!(written(|mail| mail.to = wrong.into()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn domains_go_in_ascii_and_local_parts_as_they_are() {
        let message = written(|mail| mail.to = "ada@bücher.example".into()).unwrap();
        assert!(message.contains("<ada@xn--bcher-kva.example>"));
        let message = written(|mail| mail.to = "jürgen@bücher.example".into()).unwrap();
        assert!(message.contains("<jürgen@xn--bcher-kva.example>"));
    }
}
