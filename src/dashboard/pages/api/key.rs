//! One key: what it may do, how it is used, a new secret for it, its end.

use axum::Router;
use axum::extract::Path;
use axum::routing::{get, post};
use maud::{Markup, Render as _, html};
use serde_json::json;

use super::{PATH, access, secret_page, status};
use crate::access::Permission;
use crate::access::api_keys::{self, ApiKey, ApiKeyId, ApiKeyStatus};
use crate::app::App;
use crate::dashboard::answer::Answer;
use crate::dashboard::components::{
    ApiCall, Button, Callout, Card, Facts, Field, Form, Tags, Tone, ago, moment, number, split,
    stack,
};
use crate::dashboard::door::{Visitor, carry_out};
use crate::dashboard::form::Posted;
use crate::dashboard::icons::Icon;
use crate::dashboard::layout::Page;
use crate::dashboard::notice::Notice;
use crate::dashboard::rooms::Room;
use crate::error::{Error, Result};

/// The pages.
pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/dashboard/settings/api/{id}", get(show))
        .route("/dashboard/settings/api/{id}/rotate", post(rotate))
        .route("/dashboard/settings/api/{id}/revoke", get(ask).post(revoke))
}

async fn find(visitor: &Visitor, id: &str) -> Result<ApiKey> {
    let id = ApiKeyId::parse(id).ok_or_else(|| Error::not_found("api_key"))?;
    api_keys::find(&visitor.app.db, &visitor.session.account, &id).await
}

async fn show(visitor: Visitor, Path(id): Path<String>) -> Answer {
    visitor.session.caller.require(Permission::KeysRead)?;
    let key = find(&visitor, &id).await?;
    let now = visitor.now();
    let may_change = visitor.session.caller.may(Permission::KeysWrite)
        && key.status(now) != ApiKeyStatus::Revoked;
    let scopes = Tags(
        key.scopes
            .iter()
            .map(|scope| scope.as_str().to_owned())
            .collect(),
    );
    let main = stack(&[
        Card::new(facts(&key)).title("This key").render(),
        Card::new(scopes.render())
            .title("Scopes")
            .lead(access(&key.scopes))
            .render(),
    ]);
    let body = if may_change && key.status(now) == ApiKeyStatus::Active {
        split(&main, &rotate_card(&visitor, &key))
    } else {
        main
    };
    let page = Page {
        crumbs: vec![("API".to_owned(), PATH.to_owned())],
        badges: Some(status(&key, now)),
        actions: may_change.then(|| html! { (Button::link("Revoke", format!("{PATH}/{id}/revoke")).danger().icon(Icon::X)) }),
        ..Page::titled(key.name.as_str())
    };
    Ok(visitor.render(Room::Api, &page, &body))
}

fn facts(key: &ApiKey) -> Markup {
    let networks: Vec<String> = key
        .allowed_addresses
        .0
        .iter()
        .map(ToString::to_string)
        .collect();
    let used = html! {
        @if let Some(at) = key.last_used_at { (ago(at.to_jiff())) } @else { span.muted { "Never" } }
        @if let Some(address) = &key.last_used_address { span.cell-sub { "from " (address) } }
        @if let Some(agent) = &key.last_used_agent { span.cell-sub { (agent) } }
    };
    let mut facts = Facts::new()
        .markup(
            "Secret",
            html! { code { (key.prefix) "…" (key.last_four) } },
        )
        .markup("Last used", used)
        .text(
            "Requests a minute",
            key.requests_per_minute.map_or_else(
                || "As the account".to_owned(),
                |limit| number(limit.unsigned_abs()),
            ),
        )
        .text(
            "Addresses",
            if networks.is_empty() {
                "Everywhere".to_owned()
            } else {
                networks.join(", ")
            },
        )
        .markup(
            "Ends",
            key.expires_at
                .map_or_else(|| html! { "Never" }, |at| moment(at.to_jiff())),
        )
        .markup("Made", moment(key.created_at.to_jiff()));
    if let Some(at) = key.rotated_at {
        facts = facts.markup("New secret since", moment(at.to_jiff()));
    }
    facts.render()
}

fn rotate_card(visitor: &Visitor, key: &ApiKey) -> Markup {
    let overlap = Field::select(
        "overlap",
        "The older secret works for",
        [
            ("0", "not at all: it ends now"),
            ("3600", "one more hour"),
            ("86400", "one more day"),
            ("604800", "seven more days"),
        ],
    )
    .value("86400")
    .required();
    let form = Form::post(
        format!("{PATH}/{}/rotate", key.id),
        &visitor.csrf,
        overlap.render(),
    )
    .hidden("version", key.version.to_string())
    .buttons([Button::submit("Make a new secret").icon(Icon::Refresh)])
    .after(
        ApiCall::new(
            "call-rotate",
            "POST",
            format!("{}/api/api_keys/{}/rotate", visitor.origin(), key.id),
        )
        .body(json!({ "overlap_seconds": 86_400 }))
        .scope("keys:write"),
    );
    Card::new(form.render())
        .title("Rotate")
        .lead("A new secret with the same rights. Both work until your program has changed over.")
        .render()
}

async fn rotate(Path(id): Path<String>, Posted { visitor, form }: Posted) -> Answer {
    let key = find(&visitor, &id).await?;
    if form.number("version").ok().flatten() != Some(key.version) {
        let notice = Notice::warning(
            "The key has changed since that page was opened; nothing was done. Look at it and repeat.",
        );
        return Ok(visitor.redirect_with(&format!("{PATH}/{id}"), notice));
    }
    let overlap = form.number("overlap").ok().flatten().unwrap_or_default();
    let call = visitor.call();
    let (key, secret) = carry_out(&visitor, || {
        api_keys::rotate(&visitor.app, &call, &key, overlap)
    })
    .await?;
    let note = if overlap == 0 {
        "Copy it now: it is not shown again. The older secret has ended."
    } else {
        "Copy it now: it is not shown again. The older secret goes on working for the time you chose."
    };
    Ok(secret_page(
        &visitor,
        &key,
        secret.expose(),
        "New secret",
        note,
    ))
}

async fn ask(visitor: Visitor, Path(id): Path<String>) -> Answer {
    visitor.session.caller.require(Permission::KeysWrite)?;
    let key = find(&visitor, &id).await?;
    let back = format!("{PATH}/{id}");
    let used = key.last_used_at.map_or_else(
        || html! { "It has never been used." },
        |at| html! { "It was last used " (ago(at.to_jiff())) "." },
    );
    let text = html! {
        (Callout::new(Tone::Danger, "Programs that use it are refused from this moment on").body(html! {
            (used) " This cannot be taken back. To change over without a gap, rotate the key instead."
        }))
    };
    let form = Form::post(format!("{back}/revoke"), &visitor.csrf, text)
        .buttons([
            Button::submit("Revoke this key").danger(),
            Button::link("Keep it", &back),
        ])
        .after(
            ApiCall::new(
                "call-revoke",
                "POST",
                format!("{}/api/api_keys/{id}/revoke", visitor.origin()),
            )
            .scope("keys:write"),
        );
    let page = Page {
        crumbs: vec![
            ("API".to_owned(), PATH.to_owned()),
            (key.name.as_str().to_owned(), back.clone()),
        ],
        narrow: true,
        ..Page::titled(format!("Revoke «{}»?", key.name.as_str()))
    };
    Ok(visitor.render(Room::Api, &page, &Card::new(form.render()).render()))
}

async fn revoke(Path(id): Path<String>, Posted { visitor, .. }: Posted) -> Answer {
    let call = visitor.call();
    let key = carry_out(&visitor, || async {
        let key = find(&visitor, &id).await?;
        api_keys::revoke(&call, &key)
    })
    .await?;
    let notice = Notice::success(format!("«{}» is revoked.", key.name.as_str()));
    Ok(visitor.redirect_with(PATH, notice))
}
