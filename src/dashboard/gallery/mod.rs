//! The style guide: every component with the words that say when to use it.
//!
//! It is served at `/dashboard/design`, so what it shows is what the pages get. The data is made up and fixed.

mod records;

use jiff::Timestamp;
use maud::{Markup, Render, html};

use super::components::{
    Attention, AttentionItem, Avatar, Badge, BarChart, Button, Callout, Card, CodeBlock, CopyField,
    Dialog, EmptyState, Flash, LineChart, Menu, SeatCard, Secret, Series, Stat, Steps, Tags, Tone,
    Trend, UsageMeter, columns,
};
use super::icons::Icon;
use records::{forms, person_form, records, table};

/// The body of the style guide; put it into [`super::layout::page`].
pub fn gallery() -> Markup {
    html! {
        div.stack {
            (section("Buttons", "One primary button a page. A button changes something, a link leads somewhere; both may look alike.", &buttons()))
            (section("Status", "A word says it, the colour repeats it. A dot means that the state changes by itself.", &marks()))
            (section("Figures", "A number with its name, how it moved, and a link to the list behind it.", &figures()))
            (section("Charts", "Always with a name and the same figures as a table below.", &charts()))
            (section("Seats", "Used and reserved fill the bar, free is what is left, waiting stands beside it.", &seats()))
            (section("Table", "Search, filters, order and page are in the address. On a phone rows become cards.", &table()))
            (section("Empty states", "Why there is nothing, and what to do about it.", &empty()))
            (section("Messages", "Flashes say what the last request did. Callouts say what to know before the next.", &messages()))
            (section("Records", "Tabs between the parts of a record, facts about it, and what happened to it.", &records()))
            (section("Forms", "Label above, hint below, error tied to the field and in the summary. Each form shows its API call.", &forms()))
            (section("Code and secrets", "Copying is a comfort: the text can always be selected.", &code()))
            (section("Icons", "Drawn on 20 by 20 with one stroke. Never without words.", &icons()))
        }
    }
}

fn section(title: &str, text: &str, body: &Markup) -> Markup {
    html! {
        section.gallery-section aria-label=(title) {
            header { h2 { (title) } p { (text) } }
            (body)
        }
    }
}

/// A fixed time, so many hours before a fixed moment.
fn hours_ago(hours: i64) -> Timestamp {
    Timestamp::from_second(1_789_000_000 - hours * 3600).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn buttons() -> Markup {
    html! {
        div.row {
            (Button::link("Invite people", "#").primary().icon(Icon::Plus))
            (Button::link("Export", "#").icon(Icon::Download))
            (Button::link("Delete team", "#").danger().icon(Icon::Trash))
            (Button::link("Cancel", "#").quiet())
            (Button::link("Not now", "#").disabled(true))
            (Button::link("Edit", "#").icon(Icon::Edit).icon_only())
            (Button::link("Small", "#").small())
            (Button::link("Learn more", "#").text_link())
            (Button::link("Open a dialog", "/dashboard/users/new").dialog("gallery-dialog"))
            (Menu::new("More actions").link(Icon::Edit, "Edit", "#").link(Icon::Mail, "Send sign-in link", "#"))
        }
        (Dialog::new("gallery-dialog", "Invite people", person_form("dialog")))
    }
}

fn marks() -> Markup {
    html! {
        div.row {
            (Badge::new("Active").tone(Tone::Success).dot())
            (Badge::new("Invited").tone(Tone::Accent).dot())
            (Badge::new("Expires soon").tone(Tone::Warning).dot())
            (Badge::new("Failed").tone(Tone::Danger).dot())
            (Badge::new("Deactivated").dot())
            (Badge::new("Owner").icon(Icon::Shield))
            (Tags(vec!["pilot".into(), "emea".into()]))
        }
        div.row {
            (Avatar::person("Ada Byron").large()) (Avatar::person("Grace Hopper")) (Avatar::person("Alan Turing").small())
            (Avatar::group("Analytical Engines")) (Avatar::group("Navy")) (Avatar::group("Bletchley Park"))
        }
        (Steps { labels: vec!["Upload".into(), "Match columns".into(), "Preview".into(), "Import".into()], current: 2 })
    }
}

fn figures() -> Markup {
    columns(
        4,
        &[
            Stat::new("Active learners", "1,284")
                .icon(Icon::Users)
                .href("#")
                .trend(Trend::Up("12%".into()))
                .note("in 30 days")
                .spark(vec![3, 5, 4, 8, 9, 9, 12, 14])
                .render(),
            Stat::new("Seats in use", "86%")
                .icon(Icon::Seat)
                .href("#")
                .note("3,440 of 4,000")
                .spark(vec![30, 34, 33, 36, 41, 40, 43, 44])
                .render(),
            Stat::new("Waiting", "17")
                .icon(Icon::Clock)
                .href("#")
                .trend(Trend::Worse("6".into()))
                .note("since Monday")
                .render(),
            Stat::new("Failed jobs", "0")
                .icon(Icon::Check)
                .note("in 7 days")
                .render(),
        ],
    )
}

fn charts() -> Markup {
    let months: Vec<String> = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug"]
        .map(str::to_owned)
        .into();
    let used = Series::new("Assigned", vec![180, 220, 260, 240, 310, 350, 330, 402]);
    let freed = Series::new("Released", vec![40, 60, 52, 80, 75, 90, 110, 96]);
    let line = LineChart::new(
        "Seats in use by month",
        months.clone(),
        vec![Series::new(
            "Seats in use",
            vec![2100, 2260, 2468, 2628, 2863, 3123, 3343, 3440],
        )],
    );
    let bars = BarChart::new(
        "Seats assigned and released by month",
        months,
        vec![used, freed],
    );
    columns(
        2,
        &[
            Card::new(line.render())
                .title("Seats in use")
                .lead("All products")
                .render(),
            Card::new(bars.render())
                .title("Assigned and released")
                .lead("By month")
                .render(),
        ],
    )
}

fn seats() -> Markup {
    let card = |product: &str, team: &str, usage: UsageMeter| SeatCard {
        product: product.to_owned(),
        href: "#".to_owned(),
        team: team.to_owned(),
        usage,
        terms: vec![
            (Icon::Calendar, "Until 31 Dec 2026".to_owned()),
            (Icon::Refresh, "Reusable".to_owned()),
        ],
        ..SeatCard::default()
    };
    columns(
        3,
        &[
            card(
                "Safety 101",
                "Analytical Engines",
                UsageMeter {
                    used: 42,
                    reserved: 5,
                    total: Some(60),
                    ..UsageMeter::default()
                },
            )
            .render(),
            card(
                "Sales pack",
                "Bletchley Park",
                UsageMeter {
                    used: 18,
                    reserved: 2,
                    waiting: 4,
                    total: Some(20),
                    compact: false,
                },
            )
            .render(),
            card(
                "Onboarding",
                "All teams of Navy",
                UsageMeter {
                    used: 312,
                    ..UsageMeter::default()
                },
            )
            .render(),
        ],
    )
}

fn empty() -> Markup {
    let first = EmptyState::new(Icon::Team, "No teams yet", "A team is who learns together: a customer, a department, a class.")
        .actions(html! { (Button::link("New team", "#").primary().icon(Icon::Plus)) (Button::link("Import a file", "#")) });
    columns(
        2,
        &[
            Card::new(first.render()).flush().render(),
            Card::new(EmptyState::no_match("#").render())
                .flush()
                .render(),
        ],
    )
}

fn messages() -> Markup {
    let attention = Attention(vec![
        AttentionItem {
            icon: Icon::Alert,
            tone: Tone::Danger,
            title: "3 jobs failed for good".into(),
            detail: "Enrolments in the LMS, last one 20 minutes ago".into(),
            href: "#".into(),
        },
        AttentionItem {
            icon: Icon::Seat,
            tone: Tone::Warning,
            title: "Sales pack is full at Bletchley Park".into(),
            detail: "4 people are waiting".into(),
            href: "#".into(),
        },
        AttentionItem {
            icon: Icon::Calendar,
            tone: Tone::Accent,
            title: "26 people lose access within 14 days".into(),
            detail: "Across 3 teams".into(),
            href: "#".into(),
        },
    ]);
    html! {
        div.stack.stack-tight {
            (Flash::success("Ada Byron was added to Analytical Engines.").link("View", "#"))
            (Flash::error("The LMS did not answer. The enrolment is tried again in 2 minutes."))
            (Callout::new(Tone::Neutral, "This team is shared").body("Three teams draw from the same 60 seats."))
            (Callout::new(Tone::Warning, "Thinkific cannot remove a person from a group").body("The enrolment is expired instead; the person stays listed there."))
            (Callout::new(Tone::Danger, "42 people would lose their seat").body("Lowering to 10 seats needs a decision about those who sit."))
        }
        (Card::new(attention.render()).title("Needs attention").flush())
    }
}

fn code() -> Markup {
    html! {
        (Secret {
            title: "Your new key".into(),
            text: "Copy it now: it is kept as a hash and cannot be shown again.".into(),
            value: "b2b_live_example_00000000000000000000".into(),
        })
        (CopyField { label: "Base URL".into(), value: "https://b2b.example.com/api".into() })
        (CodeBlock { title: "Answer".into(), code: "{\n  \"outcome\": \"complete\",\n  \"user\": { \"outcome\": \"created\" }\n}".into() })
    }
}

fn icons() -> Markup {
    html! {
        div.columns.columns-4 {
            @for icon in Icon::ALL { span.row.secondary { (icon) (format!("{icon:?}")) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn the_whole_guide_has_unique_ids_and_nothing_inline() {
        let text = gallery().into_string();
        let ids: Vec<&str> = text
            .split(" id=\"")
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            .collect();
        let unique: HashSet<&str> = ids.iter().copied().collect();
        assert_eq!(ids.len(), unique.len(), "{ids:?}");
        assert!(!text.contains(" style=") && !text.contains(" onclick="));
        let doubled = text
            .split('<')
            .find(|tag| tag.matches(" class=\"").count() > 1);
        assert_eq!(
            doubled, None,
            "a browser reads the first class attribute only"
        );
    }

    #[test]
    fn every_label_and_description_leads_to_something() {
        let text = gallery().into_string();
        for attribute in [" for=\"", " aria-describedby=\"", " aria-labelledby=\""] {
            for ids in text
                .split(attribute)
                .skip(1)
                .filter_map(|rest| rest.split('"').next())
            {
                for id in ids.split(' ') {
                    assert!(text.contains(&format!(" id=\"{id}\"")), "{attribute}{id}");
                }
            }
        }
    }
}
