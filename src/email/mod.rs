//! Mail: what it says and how it is sent.
//!
//! [`render`] writes a mail of one [`TemplateKind`] in the reader's language, from built-in templates
//! or an operator's own. A [`Mailer`] hands the result to an SMTP server and says whether a failure
//! is worth another try. Both keep nothing: what is cut off half-way is simply done again by its job,
//! and the Message-ID, which stays the same over all attempts, lets the reader's mail system see that
//! it is the same mail.
//! [`look`] is the brand it goes out with, the account's or the organization's.
//! [`outbox`] is the list of mails that are to go, went or failed; [`delivery`] is the job that sends one of them.

mod builtin;
pub mod delivery;
mod filter;
mod kind;
pub mod look;
mod message;
mod offer;
pub mod outbox;
mod sample;
mod settings;
mod smtp;
#[cfg(test)]
mod smtp_tests;
mod template;
mod template_error;
#[cfg(test)]
mod tests;

pub use kind::{
    Access, AccountNotice, Brand, Button, Common, Invitation, JoinConfirmation, Recipient,
    SeatAssigned, SeatExpiring, SeatIdle, SeatRequestDecided, SeatRequested, SetPassword,
    SignInLink, TemplateKind, WaitlistPromoted, Welcome,
};
pub use message::{InvalidMail, OutgoingMail};
pub use settings::{Password, Security, SettingsError, SmtpSettings};
pub use smtp::{Mailer, SendError, ServerReply};
pub use template::{Rendered, Template, built_in, check, render};
pub use template_error::TemplateError;
