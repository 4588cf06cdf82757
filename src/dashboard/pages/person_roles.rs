//! A person's roles: those in the whole account are given and withdrawn here, and each permission says where it comes from.

use maud::{Markup, Render, html};
use serde_json::json;

use super::desk::{Desk, Shown, fault, faults, summary};
use super::look::user_href;
use super::roles::choices;
use crate::access::account_roles::{self, HeldRole};
use crate::access::explain::{self, HeldPermission, PlaceKind, sentences};
use crate::access::grants::{Granted, look_up_one};
use crate::access::roles::{AccountRoleRef, GlobalRole};
use crate::access::{Permission, Reach};
use crate::dashboard::components::{
    Button, Callout, Card, Cell, Column, EmptyState, Field, Row, Table, Tone, day,
};
use crate::dashboard::icons::Icon;
use crate::dashboard::layout::Page;
use crate::error::{Error, Fault, Result};
use crate::records;
use crate::resources::User;
use crate::resources::role::RoleKind;

async fn find(desk: &Desk, permission: Permission) -> Result<User> {
    desk.require(permission)?;
    records::find::<User>(desk.db(), desk.caller(), &desk.reference(0)?).await
}

fn page(user: &User, title: &str) -> Page {
    Page {
        crumbs: vec![
            ("Users".to_owned(), "/dashboard/users".to_owned()),
            (user.display_name().to_owned(), user_href(user.id.as_str())),
        ],
        ..Page::titled(title)
    }
}

/// The card beside a person: their roles in the whole account.
pub(super) fn card(desk: &Desk, user: &User, roles: &[HeldRole]) -> Card {
    let href = user_href(user.id.as_str());
    let may = desk.may_in_account(Permission::RolesWrite);
    let body = html! {
        @if roles.is_empty() {
            p.secondary { "None in the whole account. Roles in teams stand with the teams." }
        } @else {
            ul.rows {
                @for one in roles {
                    li.row.row-between {
                        span {
                            (one.name)
                            span.cell-sub { "since " (day(one.created_at.to_jiff())) }
                        }
                        @if may { (Button::link("Withdraw", format!("{href}/roles/{}/withdraw", one.role)).small().quiet()) }
                    }
                }
            }
        }
    };
    let links = html! {
        @if may { (Button::link("Give a role", format!("{href}/roles")).small()) }
        @if desk.may(Permission::RolesRead) { (Button::link("What they may do", format!("{href}/permissions")).small().quiet()) }
    };
    Card::new(body).title("Account roles").foot(links)
}

async fn look_up(desk: &Desk, text: &str) -> Result<Granted<GlobalRole>> {
    let named = AccountRoleRef::parse(text)
        .map_err(|why| Error::invalid(vec![Fault::new("/role", "invalid", why)]))?;
    look_up_one(desk.db(), &desk.caller().account, &named).await
}

/// Gives a role in the whole account.
pub(super) async fn give(desk: Desk) -> Result<Shown> {
    let user = find(&desk, Permission::RolesWrite).await?;
    let href = user_href(user.id.as_str());
    let mut errors = None;
    if desk.is_post() {
        let (db, call, role) = (desk.db(), &desk.call, desk.field("role").to_owned());
        let done = desk
            .commit(|| async {
                let granted = look_up(&desk, &role).await?;
                let record = account_roles::record_of(db, call.account(), &granted.role).await?;
                let name = record.name.to_string();
                let (plan, held, _) =
                    account_roles::plan_grant(db, call, &user, &granted, name).await?;
                Ok((plan, held))
            })
            .await;
        match done {
            Ok(held) => {
                let text = format!("{} has the role {}.", user.display_name(), held.name);
                return Ok(Shown::done(href, text));
            }
            Err(error) => errors = Some(faults(error)?),
        }
    }
    let roles = choices(&desk, RoleKind::Global).await?;
    let field = Field::select("role", "Role", roles)
        .value(desk.shown("role", "reporter"))
        .error(fault(errors.as_ref(), "role"))
        .hint("It holds in the whole account, at once. You can give what you hold yourself.")
        .required();
    let call = desk
        .api("call-role", "POST", &format!("/users/{}/roles", user.id))
        .body(json!({ "role": "reporter" }))
        .scope("roles:write");
    let form = desk
        .post(format!("{href}/roles"), field.render())
        .errors(summary(errors.as_ref()))
        .buttons([
            Button::submit("Give the role").primary(),
            Button::link("Cancel", href).quiet(),
        ])
        .after(call);
    let title = format!("A role for {}", user.display_name());
    let page = Page {
        narrow: true,
        ..page(&user, &title)
    };
    Ok(Shown::form(
        page,
        errors.as_ref(),
        Card::new(form.render()).render(),
    ))
}

/// Withdraws a role in the whole account.
pub(super) async fn withdraw(desk: Desk) -> Result<Shown> {
    let user = find(&desk, Permission::RolesWrite).await?;
    let href = user_href(user.id.as_str());
    let text = desk.places.get(1).cloned().unwrap_or_default();
    let role = look_up(&desk, &text)
        .await
        .map_err(|_| Error::not_found("role"))?;
    let (db, call) = (desk.db(), &desk.call);
    let record = account_roles::record_of(db, call.account(), &role.role).await?;
    let mut errors = None;
    if desk.is_post() {
        let plan = || async {
            Ok((
                account_roles::plan_withdraw(db, call, &user, &role).await?,
                (),
            ))
        };
        match desk.commit(plan).await {
            Ok(()) => {
                let text = format!("{} is not {} any more.", user.display_name(), record.name);
                return Ok(Shown::done(href, text));
            }
            Err(error) => errors = Some(faults(error)?),
        }
    }
    let api = desk
        .api(
            "call-role",
            "DELETE",
            &format!("/users/{}/roles/{}", user.id, role.role),
        )
        .scope("roles:write");
    let words = Callout::new(
        Tone::Warning,
        format!("{} loses the role {}", user.display_name(), record.name),
    )
    .body("It ends at once, in every session and for every key they have made.");
    let form = desk
        .post(
            format!("{href}/roles/{}/withdraw", role.role),
            words.render(),
        )
        .errors(summary(errors.as_ref()))
        .buttons([
            Button::submit("Withdraw the role").danger(),
            Button::link("Cancel", href).quiet(),
        ])
        .after(api);
    let page = Page {
        narrow: true,
        ..page(&user, &format!("Withdraw {}", record.name))
    };
    Ok(Shown::form(
        page,
        errors.as_ref(),
        Card::new(form.render()).render(),
    ))
}

/// All that a person may do, and why.
pub(super) async fn permissions(desk: Desk) -> Result<Shown> {
    let user = find(&desk, Permission::RolesRead).await?;
    let all = explain::of_person(desk.db(), desk.caller(), &user, true).await?;
    let words = sentences();
    let rows = all.permissions.iter().map(|one| {
        let allows = words
            .get(one.permission.as_str())
            .map_or("", String::as_str);
        Row::new([
            Cell::new(html! { code { (one.permission) } span.cell-sub { (allows) } }),
            Cell::new(sources(one)),
        ])
    });
    let columns = ["May do", "Because of"].map(Column::new);
    let empty = EmptyState::new(
        Icon::Shield,
        "Nothing beyond what is their own",
        "Everybody sees their own courses, places and memberships without any permission.",
    );
    let call = desk
        .api(
            "call-permissions",
            "GET",
            &format!("/users/{}/permissions?explain=true", user.id),
        )
        .scope("roles:read");
    let body = html! {
        div.stack {
            @if !all.may_sign_in { (Callout::new(Tone::Warning, "This person is deactivated").body("Whoever may not sign in may do nothing, whatever roles they hold.")) }
            @if desk.caller().reach != Reach::Account { (Callout::new(Tone::Neutral, "Only what concerns your teams is shown")) }
            (Table::new("Permissions", columns, rows).empty(empty))
            (call)
        }
    };
    let title = format!("What {} may do", user.display_name());
    Ok(Shown::page(page(&user, &title), body))
}

fn sources(one: &HeldPermission) -> Markup {
    html! {
        @for source in one.from.iter().flatten() {
            div {
                (source.role_name.as_deref().unwrap_or(&source.role))
                @match source.place.kind {
                    PlaceKind::Account => { " in the whole account" }
                    PlaceKind::Organization => { " on " (source.place.name.as_deref().unwrap_or_default()) " and below" }
                    PlaceKind::Team => { " in " (source.place.name.as_deref().unwrap_or_default()) }
                }
            }
        }
    }
}
