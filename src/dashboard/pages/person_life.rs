//! How a person goes, comes back and becomes one with another: each with a page that says before what will happen.

use axum::body::Body;
use axum::extract::Path;
use axum::http::header;
use axum::response::Response;
use maud::{Markup, Render, html};
use serde_json::{Value as JsonValue, json};

use super::desk::{Desk, Shown, fault, faults, read, summary};
use super::look::user_href;
use super::person_edit::{consequences, page, warning};
use crate::access::Permission;
use crate::dashboard::answer::Answer;
use crate::dashboard::components::{Badge, Button, Callout, Card, CodeBlock, Field, Tone, day};
use crate::dashboard::door::Visitor;
use crate::dashboard::icons::Icon;
use crate::dashboard::layout::Page;
use crate::error::{Error, Result};
use crate::lifecycle::consequences::Consequence;
use crate::lifecycle::erase::{EraseInput, plan_erase};
use crate::lifecycle::explain::{ChainLink, Explanation, explain as explain_access};
use crate::lifecycle::export::export as export_of;
use crate::lifecycle::merge::{MergeInput, MergeOutcome, plan_merge};
use crate::lifecycle::restore::{MembershipOutcome, RestoreUser, aside, plan_restore_user};
use crate::records;
use crate::resources::{Course, User};
use crate::seats::restore::{PlaceOutcome, ReturnedPlace};
use crate::types::Ref;

/// A consequence as a line of a list.
pub(super) fn line(one: &Consequence) -> String {
    let mut what = one.what.replace('_', " ");
    if let Some(first) = what.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    format!("{what}: {} {}.", one.count, one.becomes)
}

/// The person of the address who was put aside.
async fn departed(desk: &Desk) -> Result<User> {
    desk.require(Permission::UsersWrite)?;
    desk.caller().require_account()?;
    let found = desk
        .db()
        .first::<User>(&desk.caller().account, aside::<User>(&desk.reference(0)?))
        .await?;
    found.ok_or_else(|| Error::not_found("user"))
}

/// Restores a person, after a page that says what comes back.
pub(super) async fn restore(desk: Desk) -> Result<Shown> {
    let user = departed(&desk).await?;
    let href = user_href(user.id.as_str());
    let body = match desk.field("email") {
        "" => json!({}),
        email => json!({ "email": email }),
    };
    let (db, ids, reference) = (desk.db(), &desk.app.ids, Ref::Id(user.id.clone()));
    let mut errors = None;
    if desk.is_post() {
        let done = match read::<RestoreUser>(&body) {
            Ok(input) => {
                desk.commit(|| plan_restore_user(db, ids, &desk.call, &reference, &input))
                    .await
            }
            Err(error) => Err(error),
        };
        match done {
            Ok(done) => {
                let text = format!("{} is back.", done.user.display_name());
                return Ok(Shown::done(href, text));
            }
            Err(error) => errors = Some(faults(error)?),
        }
    }
    let dry = desk.dry();
    let input = RestoreUser::default();
    let lines = match desk
        .rehearse(&dry, || {
            plan_restore_user(db, ids, &dry, &reference, &input)
        })
        .await
    {
        Ok(done) => restored_lines(&done.value.memberships, &done.value.places),
        Err(error) => vec![error.detail().to_owned()],
    };
    let email = Field::email("email", "Another address")
        .value(desk.field("email"))
        .error(fault(errors.as_ref(), "email"))
        .autocomplete("off")
        .hint("Only where the old one belongs to somebody else by now.");
    let call = desk
        .api(
            "call-restore",
            "POST",
            &format!("/users/{}/restore", user.id),
        )
        .body(body)
        .scope("users:write");
    let form = desk
        .post(
            format!("{href}/restore"),
            html! { (warning(false, user.display_name(), &lines)) (email) },
        )
        .errors(summary(errors.as_ref()))
        .buttons([
            Button::submit("Restore").primary().icon(Icon::Refresh),
            Button::link("Cancel", "/dashboard/users?deleted=true").quiet(),
        ])
        .after(call);
    let lead = user.deleted_at.map(|at| {
        format!(
            "Put aside on {}; can be restored for 30 days.",
            at.to_jiff().strftime("%-d %b %Y")
        )
    });
    let page = Page {
        crumbs: vec![
            ("Users".into(), "/dashboard/users".into()),
            ("Put aside".into(), "/dashboard/users?deleted=true".into()),
        ],
        lead,
        narrow: true,
        actions: desk.may(Permission::UsersErase).then(|| {
            html! { (Button::link("Erase for good", format!("{href}/erase")).icon(Icon::Trash)) }
        }),
        ..Page::titled(format!("Restore {}", user.display_name()))
    };
    Ok(Shown::form(
        page,
        errors.as_ref(),
        Card::new(form.render()).render(),
    ))
}

/// What comes back, in plain words.
fn restored_lines(
    memberships: &[crate::lifecycle::restore::ReturnedMembership],
    places: &[ReturnedPlace],
) -> Vec<String> {
    let members = |outcome| {
        memberships
            .iter()
            .filter(|one| one.outcome == outcome)
            .count()
    };
    let seats = |outcome| places.iter().filter(|one| one.outcome == outcome).count();
    let lines = [
        (
            members(MembershipOutcome::Restored),
            "memberships come back.",
        ),
        (
            members(MembershipOutcome::Waits),
            "memberships wait for their team, which is put aside too.",
        ),
        (
            seats(PlaceOutcome::Restored),
            "places come back, with their history.",
        ),
        (
            seats(PlaceOutcome::Waitlisted),
            "places are taken by now: the person waits in line.",
        ),
    ];
    let mut told: Vec<String> = vec!["They may sign in again.".to_owned()];
    told.extend(
        lines
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, words)| format!("{count} {words}")),
    );
    told.extend(
        places
            .iter()
            .filter_map(|one| one.why)
            .map(|why| format!("One place does not come back: {why}")),
    );
    told
}

/// Erases a person, after a page that says what goes and what stays.
pub(super) async fn erase(desk: Desk) -> Result<Shown> {
    desk.require(Permission::UsersErase)?;
    let reference: Ref<User> = desk.reference(0)?;
    let user = match records::maybe::<User>(desk.db(), desk.caller(), &reference).await? {
        Some(user) => user,
        None => departed(&desk).await?,
    };
    let href = user_href(user.id.as_str());
    let (db, ids, reference) = (desk.db(), &desk.app.ids, Ref::Id(user.id.clone()));
    let input = EraseInput::default();
    let mut errors = None;
    if desk.is_post() {
        if desk.field("confirm") == user.email.as_str() {
            match desk
                .commit(|| plan_erase(db, ids, &desk.call, &reference, &input))
                .await
            {
                Ok(_) => {
                    let text = "The person is erased. The last traces go within a minute.";
                    return Ok(Shown::done("/dashboard/users", text));
                }
                Err(error) => errors = Some(faults(error)?),
            }
        } else {
            let fault = crate::error::Fault::new(
                "/confirm",
                "mismatch",
                "Type the person's address as it stands above.",
            );
            errors = Some(faults(Error::invalid(vec![fault]))?);
        }
    }
    let dry = desk.dry();
    let report = match desk
        .rehearse(&dry, || plan_erase(db, ids, &dry, &reference, &input))
        .await
    {
        Ok(done) => Some(done.value.report.0),
        Err(error) => {
            errors = Some(faults(error)?);
            None
        }
    };
    let lists = html! {
        @if let Some(report) = &report {
            (Callout::new(Tone::Warning, "What goes, for good").body(html! { ul { @for one in &report.erased { li { (line(one)) } } } }))
            (Callout::new(Tone::Neutral, "What must stay, and why").body(html! { ul { @for one in &report.kept { li { (line(one)) } } } }))
        }
        p.secondary { (user.display_name()) " · " (user.email.as_str()) }
        (Field::text("confirm", "Type the address to confirm").error(fault(errors.as_ref(), "confirm")).autocomplete("off").required())
    };
    let call = desk
        .api("call-erase", "POST", &format!("/users/{}/erase", user.id))
        .body(json!({ "lms": "keep" }))
        .scope("users:erase");
    let form = desk
        .post(format!("{href}/erase"), lists)
        .errors(summary(errors.as_ref()))
        .buttons([
            Button::submit("Erase for good").danger().icon(Icon::Trash),
            Button::link("Cancel", href).quiet(),
        ])
        .after(call);
    let page = page(&user, &format!("Erase {}", user.display_name()));
    Ok(Shown::form(
        page,
        errors.as_ref(),
        Card::new(form.render()).render(),
    ))
}

/// Makes one person of two: first who the other is, then what happens, then the deed.
pub(super) async fn merge(desk: Desk) -> Result<Shown> {
    desk.require(Permission::UsersMerge)?;
    let user = records::find::<User>(desk.db(), desk.caller(), &desk.reference(0)?).await?;
    let href = user_href(user.id.as_str());
    let (db, ids, reference) = (desk.db(), &desk.app.ids, Ref::Id(user.id.clone()));
    let typed = match desk.field("from") {
        "" => desk.get("from").trim(),
        from => from,
    };
    let named = if typed.contains('@') && !typed.starts_with("email:") {
        format!("email:{typed}")
    } else {
        typed.to_owned()
    };
    let body = json!({ "from": named });
    let mut errors = None;
    let mut preview = None;
    if !named.is_empty() {
        let input = read::<MergeInput>(&body);
        let is_sure = desk.is_post() && !desk.field("sure").is_empty();
        match (input, is_sure) {
            (Ok(input), true) => {
                match desk
                    .commit(|| plan_merge(db, ids, &desk.call, &reference, &input))
                    .await
                {
                    Ok(_) => {
                        let text = format!("{} is one person now.", user.display_name());
                        return Ok(Shown::done(href, text));
                    }
                    Err(error) => errors = Some(faults(error)?),
                }
            }
            (Ok(input), false) => {
                let dry = desk.dry();
                match desk
                    .rehearse(&dry, || plan_merge(db, ids, &dry, &reference, &input))
                    .await
                {
                    Ok(done) => preview = Some(done),
                    Err(error) => errors = Some(faults(error)?),
                }
            }
            (Err(error), _) => errors = Some(faults(error)?),
        }
    }
    let is_new = |done: &crate::lifecycle::merge::Merged| done.outcome == MergeOutcome::Merged;
    let lines = preview.as_ref().map(|done| {
        let mut lines: Vec<String> = done.value.consequences.iter().map(line).collect();
        lines.extend(consequences(done.planned.as_deref().unwrap_or_default()));
        if !is_new(&done.value) {
            lines.push("They are one person already.".to_owned());
        }
        lines
    });
    let fields = html! {
        (Field::text("from", "The other record").value(typed).error(fault(errors.as_ref(), "from")).autocomplete("off").required()
            .hint("Its e-mail address, its id, or ext: and your own key. It becomes part of this person; its id leads here."))
        @if let Some(lines) = &lines {
            (warning(true, user.display_name(), lines))
            input type="hidden" name="sure" value="1";
        }
    };
    let button = if lines.is_some() {
        Button::submit("Make one person of both")
            .danger()
            .icon(Icon::Users)
    } else {
        Button::submit("See what happens").primary().icon(Icon::Eye)
    };
    let call = desk
        .api("call-merge", "POST", &format!("/users/{}/merge", user.id))
        .body(json!({ "from": if named.is_empty() { "email:other@example.com" } else { named.as_str() } }))
        .scope("users:merge");
    let form = desk
        .post(format!("{href}/merge"), fields)
        .errors(summary(errors.as_ref()))
        .buttons([button, Button::link("Cancel", href).quiet()])
        .after(call);
    let page = page(
        &user,
        &format!("Merge another record into {}", user.display_name()),
    );
    Ok(Shown::form(
        page,
        errors.as_ref(),
        Card::new(form.render()).render(),
    ))
}

/// Why the person may enter a course, or not, and what would change a no.
pub(super) async fn explain(desk: Desk) -> Result<Shown> {
    desk.require(Permission::EnrollmentsRead)?;
    let reference: Ref<User> = desk.reference(0)?;
    let user = match records::maybe::<User>(desk.db(), desk.caller(), &reference).await? {
        Some(user) => user,
        None => departed(&desk).await?,
    };
    let course: Ref<Course> = desk.reference(1)?;
    let course = records::find::<Course>(desk.db(), desk.caller(), &course).await?;
    let told = explain_access(
        desk.db(),
        &desk.call,
        &Ref::Id(user.id.clone()),
        &Ref::Id(course.id.clone()),
    )
    .await?;
    let path = format!("/explain?user={}&course={}", user.id, course.id);
    let call = desk
        .api("call-explain", "GET", &path)
        .scope("enrollments:read");
    let badge = if told.access {
        Badge::new("Yes").tone(Tone::Success).dot()
    } else {
        Badge::new("No").tone(Tone::Warning).dot()
    };
    let page = Page {
        badges: Some(badge.render()),
        lead: Some(told.says.clone()),
        ..page(&user, &format!("«{}»: why?", course.name))
    };
    let body = html! { div.stack { (explanation(&told)) (call) } };
    Ok(Shown::page(page, body))
}

fn explanation(told: &Explanation) -> Markup {
    html! {
        @if told.access {
            (Card::new(html! { ol.chains { @for link in &told.chain { (chain_link(link)) } } }).title("What leads to it"))
        } @else if told.requests.is_empty() {
            (Card::new(html! { p.secondary { "No request changes this; the record of the access tells what went wrong." } }).title("What would change it"))
        } @else {
            (Card::new(html! {
                ol.chains {
                    @for one in &told.requests {
                        li.chain {
                            p.strong { (one.says) }
                            (CodeBlock { title: format!("{} {}", one.method, one.path), code: pretty(&one.body) })
                        }
                    }
                }
            }).title("What would change it").lead("The shortest list of requests, in their order."))
        }
    }
}

fn pretty(body: &JsonValue) -> String {
    serde_json::to_string_pretty(body).unwrap_or_default()
}

fn chain_link(link: &ChainLink) -> Markup {
    html! {
        li.chain {
            div.row.row-between {
                span.strong { (link.step.as_str()) }
                @if let Some(at) = link.at { span.muted { (day(at.to_jiff())) } }
            }
            p.secondary.small { (link.says) @if let Some(event) = &link.event { " · " (event.r#type) " by " (event.actor_name) } }
        }
    }
}

/// Everything about a person, as a file.
pub(super) async fn export(visitor: Visitor, Path(id): Path<String>) -> Answer {
    let reference = Ref::parse(&id).map_err(|_| Error::not_found("user"))?;
    let document = export_of(&visitor.app.db, &visitor.call(), &reference).await?;
    let bytes = serde_json::to_vec_pretty(&document).map_err(Error::internal)?;
    let mut response = Response::new(Body::from(bytes));
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static("application/json"),
    );
    headers.insert(
        header::CONTENT_DISPOSITION,
        header::HeaderValue::from_static("attachment; filename=\"person.json\""),
    );
    headers.insert(
        header::CACHE_CONTROL,
        header::HeaderValue::from_static("no-store"),
    );
    Ok(response)
}
