//! The templates that are compiled in, from `templates/email/`.

use super::kind::TemplateKind;
use crate::locale::Language;

/// The three parts (subject, text, HTML) of one kind in every language.
macro_rules! parts {
    ($language:expr, $name:literal) => {
        match $language {
            Language::En => parts!(@ "en", $name),
            Language::De => parts!(@ "de", $name),
        }
    };
    (@ $language:literal, $name:literal) => {
        [
            include_str!(concat!("../../templates/email/", $language, "/", $name, ".subject.txt")),
            include_str!(concat!("../../templates/email/", $language, "/", $name, ".txt")),
            include_str!(concat!("../../templates/email/", $language, "/", $name, ".html")),
        ]
    };
}

/// Subject, text and HTML of a kind.
pub(super) const fn sources(kind: TemplateKind, language: Language) -> [&'static str; 3] {
    match kind {
        TemplateKind::Welcome => parts!(language, "welcome"),
        TemplateKind::SignInLink => parts!(language, "sign_in_link"),
        TemplateKind::SetPassword => parts!(language, "set_password"),
        TemplateKind::Invitation => parts!(language, "invitation"),
        TemplateKind::JoinConfirmation => parts!(language, "join_confirmation"),
        TemplateKind::SeatAssigned => parts!(language, "seat_assigned"),
        TemplateKind::WaitlistPromoted => parts!(language, "waitlist_promoted"),
        TemplateKind::SeatExpiring => parts!(language, "seat_expiring"),
        TemplateKind::SeatRequested => parts!(language, "seat_requested"),
        TemplateKind::SeatRequestDecided => parts!(language, "seat_request_decided"),
        TemplateKind::SeatIdle => parts!(language, "seat_idle"),
        TemplateKind::AccountNotice => parts!(language, "account_notice"),
    }
}

/// What templates extend and include, by name.
pub(super) fn shared(name: &str, language: Language) -> Option<&'static str> {
    Some(match (name, language) {
        ("layout.html", _) => include_str!("../../templates/email/layout.html"),
        ("button.html", _) => include_str!("../../templates/email/button.html"),
        ("access.html", Language::En) => include_str!("../../templates/email/en/access.html"),
        ("access.html", Language::De) => include_str!("../../templates/email/de/access.html"),
        ("access.txt", Language::En) => include_str!("../../templates/email/en/access.txt"),
        ("access.txt", Language::De) => include_str!("../../templates/email/de/access.txt"),
        ("footer.html", Language::En) => include_str!("../../templates/email/en/footer.html"),
        ("footer.html", Language::De) => include_str!("../../templates/email/de/footer.html"),
        ("footer.txt", Language::En) => include_str!("../../templates/email/en/footer.txt"),
        ("footer.txt", Language::De) => include_str!("../../templates/email/de/footer.txt"),
        _ => return None,
    })
}
