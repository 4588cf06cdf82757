//! The samples that work on records: a list, one record, a form.

use maud::{Markup, Render, html};
use serde_json::json;

use super::hours_ago;
use crate::dashboard::components::{
    ApiCall, Avatar, Badge, BulkAction, BulkBar, Button, Card, Cell, Checkbox, Column, Counted,
    Facts, Field, FilterBar, Form, ListUrl, Menu, Pager, RadioCards, Row, Table, Tabs, Timeline,
    TimelineItem, Tone, UsageMeter, ago, columns, day, moment,
};
use crate::dashboard::icons::Icon;

fn person_row(id: &str, name: &str, email: &str, badge: &Badge, used: u64) -> Row {
    Row::new([
        Cell::record(&Avatar::person(name), name, "#", Some(email)),
        Cell::new(badge),
        Cell::text(if used > 5 { "Analytical Engines" } else { "" }),
        Cell::new(UsageMeter {
            used,
            total: Some(10),
            compact: true,
            ..UsageMeter::default()
        }),
        Cell::new(ago(hours_ago(
            i64::from(u8::try_from(used).unwrap_or(0)) * 7,
        ))),
    ])
    .key(id, name)
    .actions(
        Menu::new(format!("Actions for {name}"))
            .link(Icon::Eye, "View", "#")
            .link(Icon::Mail, "Send sign-in link", "#"),
    )
}

pub(super) fn table() -> Markup {
    let pairs = [("status", "active"), ("sort", "name")]
        .map(|(key, value)| (key.to_owned(), value.to_owned()));
    let url = ListUrl::new("/dashboard/design", pairs);
    let filters = FilterBar::new(url.clone())
        .search("Search by name or e-mail")
        .select(
            "status",
            "Status",
            [
                ("active", "Active"),
                ("invited", "Invited"),
                ("deactivated", "Deactivated"),
            ],
        )
        .select(
            "role",
            "Role",
            [
                ("owner", "Owner"),
                ("manager", "Manager"),
                ("member", "Member"),
            ],
        )
        .end(Button::link("Export", url.at("/dashboard/users.csv").href()).icon(Icon::Download));
    let bulk = BulkBar {
        id: "gallery-bulk".into(),
        action: "/dashboard/users/bulk".into(),
        csrf: String::new(),
        actions: vec![
            BulkAction::new("tag", "Add tag", Icon::Tag),
            BulkAction::new("deactivate", "Deactivate", Icon::Lock).danger(),
        ],
    };
    let table = Table::new(
        "Users",
        [
            Column::new("Name").sort(&url, "name"),
            Column::new("Status"),
            Column::new("Team"),
            Column::new("Seats"),
            Column::new("Last seen").sort(&url, "last_seen_at"),
        ],
        [
            person_row(
                "user_1",
                "Ada Byron",
                "ada@example.com",
                &Badge::new("Active").tone(Tone::Success).dot(),
                8,
            ),
            person_row(
                "user_2",
                "Grace Hopper",
                "grace@example.com",
                &Badge::new("Active").tone(Tone::Success).dot(),
                10,
            ),
            person_row(
                "user_3",
                "Alan Turing",
                "alan@example.com",
                &Badge::new("Invited").tone(Tone::Accent).dot(),
                3,
            ),
        ],
    )
    .bulk(bulk)
    .pager(Pager {
        url,
        previous: None,
        next: Some("#".into()),
        shown: 25,
        total: Some(Counted {
            number: 1284,
            has_more: false,
        }),
        limit: 25,
    });
    html! { (filters) (table) }
}

pub(super) fn records() -> Markup {
    let facts = Facts::new()
        .text("E-mail", "ada@example.com")
        .text("External id", "")
        .markup(
            "Status",
            Badge::new("Active").tone(Tone::Success).dot().render(),
        )
        .markup("Joined", day(hours_ago(3000)))
        .markup("Last mail", moment(hours_ago(30)));
    let timeline = Timeline(vec![
        TimelineItem::new(Icon::Check, "Completed Safety 101", hours_ago(2))
            .tone(Tone::Success)
            .detail("Score 94%, certificate issued"),
        TimelineItem::new(Icon::Seat, "Was given a seat of Sales pack", hours_ago(28))
            .tone(Tone::Accent)
            .detail("By Grace Hopper, until 31 Dec 2026"),
        TimelineItem::new(Icon::Mail, "Welcome mail was refused", hours_ago(51))
            .tone(Tone::Danger)
            .detail("550 5.1.1 mailbox unavailable"),
        TimelineItem::new(Icon::User, "Account made", hours_ago(52))
            .detail("By the API key «Shop»"),
    ]);
    html! {
        (Tabs::new("Example record").tab("Overview", "#", true).counted("Seats", "#", 4, false).counted("Teams", "#", 2, false).tab("Mail", "#", false))
        (columns(2, &[Card::new(timeline.render()).title("Timeline").render(), Card::new(facts.render()).title("Details").render()]))
    }
}

/// A form with most kinds of field. `name` keeps the ids of two of them apart.
pub(super) fn person_form(name: &str) -> Markup {
    let fields = html! {
        div.form-row {
            (Field::text("first_name", "First name").scope(name).value("Ada").autocomplete("off"))
            (Field::text("last_name", "Last name").scope(name).value("Byron").autocomplete("off"))
        }
        (Field::email("email", "E-mail").scope(name).value("ada@").required().error(Some("This is not a whole address. Add what follows the @.")))
        (Field::select("role", "Role", [("member", "Member"), ("manager", "Manager"), ("owner", "Owner")]).scope(name).value("member").required().hint("What they may do in this team."))
    };
    let call = ApiCall::new(
        format!("call-{name}"),
        "POST",
        "https://b2b.example.com/api/users",
    )
    .body(json!({ "email": "ada@example.com", "first_name": "Ada", "last_name": "Byron" }))
    .scope("users:write");
    Form::post("/dashboard/design", "", fields)
        .buttons([
            Button::submit("Send invitation").primary(),
            Button::link("Cancel", "#").quiet(),
        ])
        .after(call)
        .render()
}

pub(super) fn forms() -> Markup {
    let other = html! {
        div.form {
            (RadioCards::new("if_full", "When no seat is free")
                .card("fail", "Refuse", "Say how many are missing.")
                .card("waitlist", "Waitlist", "Keep the wish in order.")
                .card("grow", "Add seats", "Just what is missing.")
                .selected("waitlist"))
            (Field::url("webhook", "Webhook address").prefix("https://").placeholder("example.com/hooks").mono())
            (Field::text_area("note", "Note").hint("Shown to the managers of the team."))
            (Checkbox { name: "welcome".into(), label: "Send a welcome mail".into(), hint: Some("In the language of each person.".into()), checked: true, ..Checkbox::default() })
            (Checkbox { name: "notify".into(), label: "Tell the owner of the team".into(), ..Checkbox::default() })
        }
    };
    columns(
        2,
        &[
            Card::new(person_form("page")).title("New user").render(),
            Card::new(other).title("Give seats").render(),
        ],
    )
}
