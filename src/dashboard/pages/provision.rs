//! The one call as a form: who, in which team, with which seats; a preview before anything happens.

use maud::{Markup, Render, html};
use serde_json::{Map, Value as JsonValue, json};

use super::desk::{Desk, Shown, fault, summary};
use super::look::user_href;
use super::users::team_choices;
use crate::access::Permission;
use crate::dashboard::components::{
    Badge, Button, Callout, Card, Checkbox, Facts, Field, RadioCards, Steps, Tone, day,
};
use crate::dashboard::form::{FieldErrors, FormData};
use crate::dashboard::layout::Page;
use crate::db::{Batch, Select};
use crate::error::{Code, Error, Fault, Result};
use crate::params;
use crate::provisioning::answer::Answer;
use crate::provisioning::{plan, read};
use crate::seats::actions::record_denial;

/// Lines of seats in the form.
const LINES: usize = 3;

/// What there is to choose from: value and label.
struct Choices {
    teams: Vec<(String, String)>,
    organizations: Vec<(String, String)>,
    products: Vec<(String, String)>,
}

async fn choices(desk: &Desk) -> Result<Choices> {
    let mut batch = Batch::new();
    let teams = batch.add::<(String, String)>(team_choices(desk));
    let organizations = batch.add::<(String, String)>(Select::new(
        "SELECT id, name FROM organizations WHERE account_id = $1 ORDER BY name_key LIMIT 200",
        params![],
    ));
    let products = batch.add::<(String, String)>(Select::new(
        "SELECT id, name FROM products WHERE account_id = $1 AND status <> 'archived' ORDER BY name_key LIMIT 200",
        params![],
    ));
    let mut rows = desk.db().read(&desk.caller().account, batch).await?;
    Ok(Choices {
        teams: rows.take(&teams),
        organizations: rows.take(&organizations),
        products: rows.take(&products),
    })
}

/// `choices` with a first one that means none.
pub(super) fn with_none(label: &str, choices: &[(String, String)]) -> Vec<(String, String)> {
    let none = (String::new(), label.to_owned());
    std::iter::once(none)
        .chain(choices.iter().cloned())
        .collect()
}

/// The page: the form, the preview, the deed.
pub(super) async fn provision(desk: Desk) -> Result<Shown> {
    desk.require(Permission::ProvisionWrite)?;
    let choices = choices(&desk).await?;
    let body = body(&desk);
    let mut errors = None;
    if desk.is_post() && desk.field("step") != "back" {
        match attempt(&desk, &body).await {
            Ok(shown) => return Ok(shown),
            Err(error) if error.code().status() >= 500 || error.code() == Code::Forbidden => {
                return Err(error);
            }
            Err(error) => errors = Some(FieldErrors::of(&at_fields(error))),
        }
    }
    let page = page();
    let form = form(&desk, &choices, &body, errors.as_ref());
    Ok(Shown::form(
        page,
        errors.as_ref(),
        html! { div.stack { (steps(0)) (form) } },
    ))
}

fn page() -> Page {
    Page {
        crumbs: vec![("Users".into(), "/dashboard/users".into())],
        lead: Some("One form makes the person, finds the team, gives the seats and sends the welcome mail. All of it happens, or nothing.".into()),
        narrow: true,
        ..Page::titled("Provision a person")
    }
}

fn steps(current: usize) -> Steps {
    Steps {
        labels: vec!["Fill in".into(), "Check".into(), "Done".into()],
        current,
    }
}

/// The API's body of the form.
fn body(desk: &Desk) -> JsonValue {
    let mut team = desk.filled(&["strategy", "role"]);
    let wanted = [
        ("team", "id"),
        ("team_name", "name"),
        ("organization", "organization"),
    ];
    let strategy = desk.field("strategy");
    for (field, member) in wanted {
        let fits = match field {
            "team" => matches!(strategy, "specific" | "auto"),
            _ => matches!(strategy, "create" | "auto"),
        };
        if fits && !desk.field(field).is_empty() {
            team.insert(member.into(), json!(desk.field(field)));
        }
    }
    let seats: Vec<JsonValue> = (0..LINES).filter_map(|n| line(desk, n)).collect();
    json!({
        "user": desk.filled(&["email", "first_name", "last_name", "company"]),
        "team": team,
        "seats": seats,
        "welcome_email": desk.ticked("welcome_email", true),
    })
}

fn line(desk: &Desk, n: usize) -> Option<JsonValue> {
    let get = |name: &str| desk.field(&format!("{name}_{n}")).to_owned();
    let product = get("product");
    if product.is_empty() {
        return None;
    }
    let mut line = Map::new();
    line.insert("product".into(), json!(product));
    for (field, member) in [("quantity", "quantity"), ("days", "expires_in_days")] {
        let text = get(field);
        if !text.is_empty() {
            let value = text
                .parse::<i64>()
                .map_or_else(|_| json!(text), |number| json!(number));
            line.insert(member.into(), value);
        }
    }
    if line.contains_key("quantity") {
        line.insert("assign".into(), json!(true));
    }
    let if_full = get("if_full");
    if !if_full.is_empty() {
        line.insert("if_full".into(), json!(if_full));
    }
    Some(line.into())
}

/// The faults of the body at the fields of the form.
fn at_fields(error: Error) -> Error {
    if error.faults().is_empty() {
        return error;
    }
    let moved = |fault: &Fault| {
        let parts: Vec<&str> = fault.pointer.split('/').skip(1).collect();
        let field = match parts.as_slice() {
            ["team", "id"] => "team".to_owned(),
            ["team", "name"] => "team_name".to_owned(),
            ["user" | "team", member] => (*member).to_owned(),
            ["seats", n, "expires_in_days"] => format!("days_{n}"),
            ["seats", n, member] => format!("{member}_{n}"),
            _ => String::new(),
        };
        Fault {
            pointer: format!("/{field}"),
            ..fault.clone()
        }
    };
    Error::invalid(error.faults().iter().map(moved).collect())
}

/// Shows what would happen, or does it.
async fn attempt(desk: &Desk, body: &JsonValue) -> Result<Shown> {
    let (wanted, places) = read(body)?;
    let (db, ids) = (desk.db(), &desk.app.ids);
    if desk.field("step") == "confirm" {
        let done = desk.commit(|| plan(db, ids, &desk.call, &wanted)).await;
        let done = done.map_err(|error| places.told(error));
        if let Err(error) = &done {
            record_denial(db, ids, &desk.call, error, "dashboard").await?;
        }
        let answer = done?;
        let name = answer.user.user.display_name();
        let text = format!("{name} is in {}.", answer.team.team.name);
        return Ok(Shown::done(user_href(answer.user.user.id.as_str()), text));
    }
    let dry = desk.dry();
    let answer = desk
        .rehearse(&dry, || plan(db, ids, &dry, &wanted))
        .await
        .map_err(|error| places.told(error))?
        .value;
    let choices = choices(desk).await?;
    Ok(Shown::page(
        page(),
        html! { div.stack { (steps(1)) (preview(desk, &answer, &choices, body)) } },
    ))
}

fn outcome_badge(word: &str) -> Badge {
    let tone = match word {
        "created" | "assigned" | "added" | "queued" => Tone::Success,
        "waitlisted" => Tone::Warning,
        _ => Tone::Neutral,
    };
    Badge::new(word.replace('_', " ")).tone(tone)
}

fn preview(desk: &Desk, answer: &Answer, choices: &Choices, body: &JsonValue) -> Markup {
    let user = &answer.user.user;
    let product = |id: &str| {
        choices
            .products
            .iter()
            .find(|(found, _)| found == id)
            .map_or("a product", |(_, name)| name.as_str())
    };
    let mut facts = Facts::new()
        .markup("Person", html! { (user.display_name()) " " (outcome_badge(answer.user.outcome.as_str())) span.cell-sub { (user.email) } })
        .markup("Team", html! {
            (answer.team.team.name) " " (outcome_badge(answer.team.outcome.as_str()))
            span.cell-sub { (answer.team.decision.why) " As " (answer.team.membership.role) "." }
            @for passed in &answer.team.decision.passed_over { span.cell-sub { "Not by «" (passed.rule) "»: " (passed.why) } }
        });
    for seat in &answer.seats {
        let ends = seat.assignment.as_ref().and_then(|one| one.expires_at);
        facts = facts.markup(product(&seat.product_id), html! {
            (outcome_badge(seat.outcome.as_str()))
            span.cell-sub {
                @match seat.available { Some(free) => { (free) " free afterwards" } None => { "unlimited" } }
                @if let Some(at) = ends { " · until " (day(at.to_jiff())) }
            }
        });
    }
    let facts = facts.markup(
        "Welcome mail",
        outcome_badge(answer.welcome_email.state.as_str()).render(),
    );
    let pairs = desk.form.as_ref().map_or(&[][..], FormData::pairs);
    let form = pairs
        .iter()
        .filter(|(name, value)| name != "csrf" && name != "step" && !value.is_empty())
        .fold(
            desk.post("/dashboard/provision", facts.render()),
            |form, (name, value)| form.hidden(name.as_str(), value.as_str()),
        )
        .buttons([
            Button::submit_value("Provision now", "step", "confirm").primary(),
            Button::submit_value("Change", "step", "back"),
            Button::link("Cancel", "/dashboard/users").quiet(),
        ])
        .after(call(desk, body));
    html! {
        (Callout::new(Tone::Neutral, "Nothing has happened yet").body("This is what the call would do now."))
        (Card::new(form.render()).title("What would happen"))
    }
}

fn call(desk: &Desk, body: &JsonValue) -> impl Render + use<> {
    let example = json!({
        "user": { "email": "ada@example.com", "first_name": "Ada", "last_name": "Byron" },
        "team": { "strategy": "auto" },
        "seats": [],
        "welcome_email": true,
    });
    let body = if desk.is_post() {
        body.clone()
    } else {
        example
    };
    desk.api("call-provision", "POST", "/provision")
        .body(body)
        .scope("provision:write")
}

fn form(desk: &Desk, choices: &Choices, body: &JsonValue, errors: Option<&FieldErrors>) -> Markup {
    let fields = html! {
        (Card::new(person_fields(desk, errors)).title("Person").lead("Somebody known by this address is found, not made twice."))
        (Card::new(team_fields(desk, choices, errors)).title("Team"))
        (Card::new(seat_fields(desk, choices, errors)).title("Seats").lead("Without a number of places the person gets one of the team's. With one, so many are added first."))
        (Card::new(Checkbox { name: "welcome_email".into(), label: "Send the welcome mail".into(), hint: Some("Once per person, in their language, with a link to sign in.".into()), checked: desk.ticked("welcome_email", true), ..Checkbox::default() }.render()))
    };
    desk.post("/dashboard/provision", html! { div.stack { (fields) } })
        .errors(summary(errors))
        .buttons([
            Button::submit_value("Check", "step", "preview").primary(),
            Button::link("Cancel", "/dashboard/users").quiet(),
        ])
        .after(call(desk, body))
        .render()
}

fn person_fields(desk: &Desk, errors: Option<&FieldErrors>) -> Markup {
    let text = |name: &str, label: &str| {
        Field::text(name, label)
            .value(desk.shown(name, desk.get(name)))
            .error(fault(errors, name))
            .autocomplete("off")
    };
    html! {
        div.stack.stack-tight {
            (Field::email("email", "E-mail").value(desk.shown("email", desk.get("email"))).error(fault(errors, "email")).autocomplete("off").required().autofocus())
            div.form-row { (text("first_name", "First name")) (text("last_name", "Last name")) }
            (text("company", "Company"))
        }
    }
}

fn team_fields(desk: &Desk, choices: &Choices, errors: Option<&FieldErrors>) -> Markup {
    let chosen = desk.shown(
        "strategy",
        if desk.get("team").is_empty() {
            "auto"
        } else {
            "specific"
        },
    );
    html! {
        div.stack.stack-tight {
            (RadioCards::new("strategy", "How the team is found")
                .card("auto", "Automatic", "The team named below, else the person's own, else that of their address's domain, else the default, else a new one.")
                .card("specific", "This team", "The one chosen below. None is ever made.")
                .card("first", "Their first", "The team they joined first; for somebody new the default team.")
                .card("create", "New team", "Made with the name below. Its first member owns it.")
                .selected(&chosen)
                .error(fault(errors, "strategy")))
            (Field::select("team", "Team", with_none("Not named", &choices.teams)).value(desk.shown("team", desk.get("team"))).error(fault(errors, "team")))
            div.form-row {
                (Field::text("team_name", "Name of the team").value(desk.shown("team_name", "")).error(fault(errors, "team_name")).hint("Found by this name, or made with it."))
                (Field::select("organization", "Organization", with_none("None", &choices.organizations)).value(desk.shown("organization", "")).error(fault(errors, "organization")))
            }
            (Field::select("role", "Role in the team", [("", "As it falls"), ("member", "Member"), ("manager", "Manager"), ("owner", "Owner")]).value(desk.shown("role", "")).error(fault(errors, "role")).hint("The first member of a new team owns it, others are members."))
        }
    }
}

fn seat_fields(desk: &Desk, choices: &Choices, errors: Option<&FieldErrors>) -> Markup {
    let products = with_none("No seat", &choices.products);
    html! {
        div.stack.stack-tight {
            @for n in 0..LINES {
                @let name = |field: &str| format!("{field}_{n}");
                @let shown = |field: &str| desk.shown(&name(field), "");
                @let wrong = |field: &str| fault(errors, &name(field)).map(str::to_owned);
                div.seat-line {
                    (Field::select(&name("product"), &format!("Product {}", n + 1), products.clone()).value(shown("product")).error(wrong("product").as_deref()))
                    (Field::number(&name("quantity"), "Add places").value(shown("quantity")).error(wrong("quantity").as_deref()))
                    (Field::number(&name("days"), "Days").value(shown("days")).error(wrong("days").as_deref()))
                    (Field::select(&name("if_full"), "When full", [("", "Refuse"), ("waitlist", "Wait in line"), ("grow", "Add a place")]).value(shown("if_full")).error(wrong("if_full").as_deref()))
                }
            }
        }
    }
}
