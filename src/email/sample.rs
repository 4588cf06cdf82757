//! Sample variables for each kind of mail: what a preview on the settings page shows, and what an
//! edited template is tried with before it is kept.

use jiff::Timestamp;
use serde_json::Value;

use super::kind::{
    Access, AccountNotice, Brand, Button, Common, Invitation, JoinConfirmation, Recipient,
    SeatAssigned, SeatExpiring, SeatIdle, SeatRequestDecided, SeatRequested, SetPassword,
    SignInLink, TemplateKind, WaitlistPromoted, Welcome,
};
use crate::locale::{Language, Locale};

/// 11 March 2026, 09:00 in UTC.
const LINK_EXPIRES_AT: i64 = 1_773_219_600;
/// 31 March 2027, 22:00 in UTC.
const ACCESS_ENDS_AT: i64 = 1_806_530_400;

const LINK: &str = "https://learn.example.com/in/7Jq2vT0bXw4kZ9mRc1yHsN8dLfP5aGuE";
const COURSES_URL: &str = "https://learn.example.com/my/courses";

impl TemplateKind {
    /// Every variable of this kind with a plausible value, in the words of the language.
    pub fn sample(self, locale: &Locale) -> Value {
        let (common, german) = (common(), locale.language() == Language::De);
        let sample = match self {
            Self::Welcome => serde_json::to_value(welcome(common, german)),
            Self::SignInLink => serde_json::to_value(SignInLink {
                common,
                link: LINK.into(),
                link_expires_at: time(LINK_EXPIRES_AT),
            }),
            Self::SetPassword => serde_json::to_value(SetPassword {
                common,
                link: LINK.into(),
                link_expires_at: time(LINK_EXPIRES_AT),
            }),
            Self::Invitation => serde_json::to_value(invitation(common, german)),
            Self::JoinConfirmation => serde_json::to_value(JoinConfirmation {
                common,
                team: "Analytical Engines".into(),
                organization: Some("Acme Industries".into()),
                products: products(german),
                link: LINK.into(),
                link_expires_at: time(LINK_EXPIRES_AT),
            }),
            Self::SeatAssigned => serde_json::to_value(SeatAssigned {
                common,
                team: Some("Analytical Engines".into()),
                assigned_by: Some("Grace Hopper".into()),
                products: products(german),
                courses_url: COURSES_URL.into(),
            }),
            Self::WaitlistPromoted => serde_json::to_value(WaitlistPromoted {
                common,
                team: Some("Analytical Engines".into()),
                products: products(german).into_iter().take(1).collect(),
                courses_url: COURSES_URL.into(),
            }),
            Self::SeatExpiring => serde_json::to_value(SeatExpiring {
                common,
                team: Some("Analytical Engines".into()),
                product: pick(
                    german,
                    "Arbeitssicherheit für Teams",
                    "Workplace Safety for Teams",
                ),
                ends_at: time(ACCESS_ENDS_AT),
                days_left: 14,
                courses_url: COURSES_URL.into(),
            }),
            Self::SeatRequested => serde_json::to_value(SeatRequested {
                common,
                team: Some("Analytical Engines".into()),
                person: "Charles Babbage".into(),
                product: safety(german),
                note: Some(pick(
                    german,
                    "Ich fange am Montag in der Werkstatt an.",
                    "I start in the workshop on Monday.",
                )),
                requests_url: "https://learn.example.com/my/requests".into(),
            }),
            Self::SeatRequestDecided => serde_json::to_value(SeatRequestDecided {
                common,
                team: Some("Analytical Engines".into()),
                product: safety(german),
                approved: true,
                waiting: false,
                ends_at: Some(time(ACCESS_ENDS_AT)),
                reason: None,
                courses_url: COURSES_URL.into(),
            }),
            Self::SeatIdle => serde_json::to_value(SeatIdle {
                common,
                team: Some("Analytical Engines".into()),
                product: safety(german),
                idle_days: 60,
                reclaim_at: time(LINK_EXPIRES_AT),
                courses_url: COURSES_URL.into(),
            }),
            Self::AccountNotice => serde_json::to_value(notice(common, german)),
        };
        // The structs of this file have texts for keys and no maps, so that nothing can fail.
        sample.unwrap_or_default()
    }
}

fn safety(german: bool) -> String {
    pick(
        german,
        "Arbeitssicherheit für Teams",
        "Workplace Safety for Teams",
    )
}

fn pick(german: bool, in_german: &str, in_english: &str) -> String {
    if german { in_german } else { in_english }.into()
}

fn time(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn common() -> Common {
    Common {
        brand: Brand {
            name: "Northwind Academy".into(),
            logo_url: None,
            color: "#1f4fd8".into(),
            postal_address: Some("Northwind Academy GmbH, Hafenstraße 12, 20457 Hamburg".into()),
            support_email: Some("help@northwind.example.com".into()),
        },
        recipient: Recipient {
            name: "Ada Byron".into(),
            first_name: Some("Ada".into()),
            email: "ada@example.com".into(),
        },
        sign_in_url: "https://learn.example.com/sign-in".into(),
        time_zone: "Europe/Berlin".into(),
    }
}

fn products(german: bool) -> Vec<Access> {
    vec![
        Access {
            name: pick(
                german,
                "Arbeitssicherheit für Teams",
                "Workplace Safety for Teams",
            ),
            courses: Vec::new(),
            ends_at: Some(time(ACCESS_ENDS_AT)),
        },
        Access {
            name: pick(german, "Verkaufspaket", "Sales Essentials"),
            courses: vec![
                pick(german, "Gespräche führen", "Leading the Conversation"),
                pick(german, "Verhandeln", "Negotiating Well"),
            ],
            ends_at: None,
        },
    ]
}

fn welcome(common: Common, german: bool) -> Welcome {
    Welcome {
        common,
        organization: Some("Acme Industries".into()),
        inviter: Some("Grace Hopper".into()),
        team: Some("Analytical Engines".into()),
        products: products(german),
        link: LINK.into(),
        link_expires_at: time(LINK_EXPIRES_AT),
    }
}

fn invitation(common: Common, german: bool) -> Invitation {
    Invitation {
        common,
        team: "Analytical Engines".into(),
        organization: Some("Acme Industries".into()),
        inviter: Some("Grace Hopper".into()),
        role: pick(german, "Mitglied", "member"),
        products: products(german),
        reminder: false,
        link: LINK.into(),
        link_expires_at: time(LINK_EXPIRES_AT),
    }
}

fn notice(common: Common, german: bool) -> AccountNotice {
    AccountNotice {
        common,
        heading: pick(
            german,
            "Ein Webhook wurde abgeschaltet",
            "A webhook was switched off",
        ),
        paragraphs: vec![
            pick(
                german,
                "https://crm.example.com/hooks hat seit fünf Tagen auf keine Zustellung geantwortet (zuletzt: 503). Darum haben wir den Webhook abgeschaltet.",
                "https://crm.example.com/hooks has answered no delivery for five days (last: 503), so we have switched the webhook off.",
            ),
            pick(
                german,
                "Es ist nichts verloren: Sobald Sie ihn wieder einschalten, können Sie alles Versäumte nachsenden lassen.",
                "Nothing is lost: once you switch it on again, you can have everything it missed sent again.",
            ),
        ],
        button: Some(Button {
            label: pick(german, "Webhook ansehen", "Look at the webhook"),
            url: "https://learn.example.com/settings/webhooks".into(),
        }),
    }
}
