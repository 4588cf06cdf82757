//! Every mail in every language, and what an operator who edits one is told.

use serde_json::{Value, json};

use super::*;
use crate::locale::{Language, Locale};

fn locale(tag: &str) -> Locale {
    Locale::parse(tag).unwrap()
}

/// The sample of a kind with the members of `change` (two levels deep) in the place of its own.
fn sample_with(kind: TemplateKind, tag: &str, change: &Value) -> Value {
    let mut sample = kind.sample(&locale(tag));
    for (key, value) in change.as_object().unwrap() {
        match value.as_object() {
            Some(inner) => {
                for (name, value) in inner {
                    sample[key][name] = value.clone();
                }
            }
            None => sample[key] = value.clone(),
        }
    }
    sample
}

fn welcome(tag: &str, change: &Value) -> Rendered {
    let context = sample_with(TemplateKind::Welcome, tag, change);
    render(TemplateKind::Welcome, &locale(tag), None, &context).unwrap()
}

fn edited(subject: &str, text: &str, html: &str) -> Template {
    Template {
        subject: subject.into(),
        text: text.into(),
        html: html.into(),
    }
}

fn problem(text: &str) -> TemplateError {
    let template = edited("x", text, "x");
    check(TemplateKind::Welcome, &locale("en"), &template).unwrap_err()
}

#[test]
fn every_kind_renders_in_every_language_with_its_sample() {
    for kind in TemplateKind::ALL {
        assert_eq!(TemplateKind::find(kind.name()), Some(kind));
        for language in Language::ALL {
            let locale = language.into();
            let mail = check(kind, &locale, &built_in(kind, &locale)).unwrap();
            assert!(
                !mail.subject.is_empty() && mail.text.len() > 80,
                "{}",
                kind.name()
            );
            assert!(
                mail.html
                    .contains(&format!("<html lang=\"{}\"", language.code()))
            );
            assert!(mail.html.trim_end().ends_with("</html>"));
            for part in [&mail.subject, &mail.text] {
                assert!(!part.contains(['<', '&', '{']), "{}: {part}", kind.name());
            }
            assert!(
                !mail.text.contains("\n\n\n") && !mail.text.starts_with('\n'),
                "{}",
                mail.text
            );
        }
    }
}

/// What is not known is left out of the sentence, in every kind.
#[test]
fn every_kind_renders_without_what_may_be_absent() {
    for kind in TemplateKind::ALL {
        for language in Language::ALL {
            let locale = Locale::from(language);
            let mut context = kind.sample(&locale);
            for name in ["organization", "inviter", "team", "assigned_by", "button"] {
                let required = kind == TemplateKind::Invitation && name == "team";
                if context.get(name).is_some() && !required {
                    context[name] = Value::Null;
                }
            }
            for (outer, name) in [
                ("brand", "logo_url"),
                ("brand", "postal_address"),
                ("brand", "support_email"),
                ("recipient", "first_name"),
            ] {
                context[outer][name] = Value::Null;
            }
            let mail = render(kind, &locale, None, &context).unwrap();
            assert!(
                !mail.html.contains("none") || !mail.text.contains("none"),
                "{}",
                mail.text
            );
            assert!(mail.text.contains("Northwind Academy"), "{}", mail.text);
        }
    }
}

#[test]
fn the_welcome_says_who_gave_what_until_when_and_how_to_sign_in() {
    insta::assert_snapshot!(welcome("en", &json!({})).text, @r#"
    Hello Ada,

    Grace Hopper of Acme Industries has given you access to:

    - Workplace Safety for Teams (until 31 March 2027)
    - Sales Essentials (no end date)
        Leading the Conversation
        Negotiating Well

    You learn in the team Analytical Engines.

    Sign in here, no password needed:
    https://learn.example.com/in/7Jq2vT0bXw4kZ9mRc1yHsN8dLfP5aGuE

    The link works for one sign-in, until 11 March 2026, 10:00 CET. Opening it does not use it up; only your confirmation on the page does.

    If the link has expired, ask for a new one here:
    https://learn.example.com/sign-in

    --
    You receive this mail because Grace Hopper of Acme Industries entered ada@example.com at Northwind Academy.

    Questions? Write to help@northwind.example.com.
    Northwind Academy GmbH, Hafenstraße 12, 20457 Hamburg
    "#);
    insta::assert_snapshot!(welcome("de", &json!({})).text, @r#"
    Guten Tag Ada Byron,

    Grace Hopper (Acme Industries) hat Ihnen Zugang gegeben zu:

    - Arbeitssicherheit für Teams (bis 31. März 2027)
    - Verkaufspaket (ohne Enddatum)
        Gespräche führen
        Verhandeln

    Sie lernen im Team Analytical Engines.

    Hier melden Sie sich an, ganz ohne Passwort:
    https://learn.example.com/in/7Jq2vT0bXw4kZ9mRc1yHsN8dLfP5aGuE

    Der Link gilt für eine Anmeldung, bis 11. März 2026, 10:00 Uhr (MEZ). Das Öffnen verbraucht ihn nicht; erst wenn Sie auf der Seite bestätigen, ist er benutzt.

    Ist der Link abgelaufen, fordern Sie hier einen neuen an:
    https://learn.example.com/sign-in

    --
    Sie erhalten diese E-Mail, weil Grace Hopper (Acme Industries) die Adresse ada@example.com bei Northwind Academy eingetragen hat.

    Fragen? Schreiben Sie an help@northwind.example.com.
    Northwind Academy GmbH, Hafenstraße 12, 20457 Hamburg
    "#);
}

#[test]
fn subjects_name_the_one_product_or_the_sender() {
    assert_eq!(
        welcome("en", &json!({})).subject,
        "Your courses at Northwind Academy"
    );
    let one = json!({ "products": [{ "name": "Safety", "courses": [], "ends_at": null }] });
    assert_eq!(welcome("de", &one).subject, "Ihr Zugang zu «Safety»");
    assert_eq!(
        welcome("fr", &json!({ "products": [] })).subject,
        "Welcome to Northwind Academy"
    );
}

#[test]
fn dates_follow_the_readers_time_zone_and_language() {
    let honolulu = json!({ "time_zone": "Pacific/Honolulu" });
    assert!(
        welcome("en-US", &honolulu)
            .text
            .contains("until March 31, 2027")
    );
    assert!(
        welcome("de", &json!({ "time_zone": "nowhere" }))
            .text
            .contains("(UTC)")
    );
}

#[test]
fn names_are_escaped_in_html_and_left_alone_in_text() {
    let hostile = json!({
        "inviter": "<script>alert(1)</script>",
        "organization": "Tom & \"Jerry\" <b>",
        "brand": { "color": "red;}</style><script>", "logo_url": "\"><img src=x>" },
    });
    let mail = welcome("en", &hostile);
    assert!(!mail.html.contains("<script") && !mail.html.contains("<b>"));
    assert!(!mail.html.contains("<img src=x>"));
    assert!(mail.html.contains("&lt;script&gt;alert(1)"));
    assert!(mail.html.contains("background-color:#1f4fd8"));
    assert!(
        mail.text
            .contains("<script>alert(1)</script> of Tom & \"Jerry\" <b>")
    );
}

#[test]
fn names_of_every_script_and_length_survive() {
    for name in [
        "نور الهدى",
        "👩🏽‍🚀 Zoë",
        "Nguyễn Thị Ánh",
        &"Wolfeschlegelstein".repeat(40),
    ] {
        let mail = welcome("de", &json!({ "inviter": name }));
        assert!(
            mail.text.contains(name) && mail.html.contains(name),
            "{name}"
        );
    }
}

#[test]
fn a_subject_is_one_line_of_bounded_length() {
    let notice = |heading: &str| {
        let context = sample_with(
            TemplateKind::AccountNotice,
            "en",
            &json!({ "heading": heading }),
        );
        render(TemplateKind::AccountNotice, &locale("en"), None, &context)
            .unwrap()
            .subject
    };
    assert_eq!(
        notice("Hi\r\nBcc: all@example.com\u{0}\t!"),
        "Hi Bcc: all@example.com !"
    );
    let long = notice(&"ä".repeat(5000));
    assert!(long.chars().count() == 200 && long.ends_with('…'));
}

#[test]
fn an_unknown_variable_is_named_with_its_line_and_the_right_one() {
    let error = problem("Hello\n\n{{ inviterr }} gave");
    assert_eq!(error.template, "welcome.txt");
    assert_eq!(error.line, Some(3));
    assert_eq!(error.suggestion.as_deref(), Some("inviter"));
    let words = error.to_string();
    assert!(
        words.starts_with("welcome.txt, line 3: there is no variable \"inviterr\" (did you mean \"inviter\"?). Variables: brand.color, "),
        "{words}"
    );
    assert!(words.contains("products[].ends_at"));
}

#[test]
fn other_mistakes_are_explained_as_well() {
    let inner = problem("a\n{{ brand.nam }}");
    assert_eq!(inner.problem, "there is no variable \"brand.nam\"");
    assert_eq!(
        (inner.line, inner.suggestion.as_deref()),
        (Some(2), Some("brand.name"))
    );
    let untaken = problem("{% if not inviter %}\n{{ nobody }}{% endif %}");
    assert_eq!(
        (untaken.line, untaken.problem.as_str()),
        (Some(2), "there is no variable \"nobody\"")
    );
    let syntax = problem("ok\n{% if inviter %}never closed");
    assert!(
        syntax.line.is_some() && syntax.problem.contains("end of input"),
        "{syntax}"
    );
    let filter = problem("{{ inviter | shout }}");
    assert!(filter.problem.contains("shout"), "{filter}");
    let no_time = problem("{{ inviter | date }}");
    assert!(
        no_time
            .problem
            .contains("takes a time such as link_expires_at"),
        "{no_time}"
    );
    let endless =
        problem("{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}");
    assert!(
        endless.problem.contains("computes for too long"),
        "{endless}"
    );
    let huge = problem("{{ 'x' * 600000 }}");
    assert!(
        huge.problem.contains("larger than 512 KiB") || huge.problem.contains("too large"),
        "{huge}"
    );
    let file = problem("{% include '/etc/passwd' %}");
    assert!(file.problem.contains("/etc/passwd"), "{file}");
}

#[test]
fn an_absent_value_printed_without_asking_is_an_error_not_the_word_none() {
    let template = edited("x", "From {{ inviter }}", "x");
    let context = sample_with(TemplateKind::Welcome, "en", &json!({ "inviter": null }));
    let error = render(
        TemplateKind::Welcome,
        &locale("en"),
        Some(&template),
        &context,
    )
    .unwrap_err();
    assert!(error.problem.contains("may be empty"), "{error}");
}

#[test]
fn an_override_replaces_all_parts_and_may_use_the_layout() {
    let template = edited(
        "For {{ recipient.name }}",
        "{{ link }}",
        "{% extends 'layout.html' %}{% block heading %}Ours{% endblock %}",
    );
    let mail = check(TemplateKind::Welcome, &locale("de"), &template).unwrap();
    assert_eq!(mail.subject, "For Ada Byron");
    assert!(mail.text.starts_with("https://learn.example.com/in/"));
    assert!(mail.html.contains(">Ours</h1>") && mail.html.contains("Fragen?"));
}

#[test]
fn the_schema_of_a_kind_lists_every_variable_of_its_sample() {
    for kind in TemplateKind::ALL {
        let schema = serde_json::to_value(kind.schema()).unwrap();
        for name in kind.sample(&locale("en")).as_object().unwrap().keys() {
            assert!(
                schema["properties"][name].is_object(),
                "{}: {name}",
                kind.name()
            );
        }
    }
}
