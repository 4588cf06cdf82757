//! Making a key: what for, what it may do, within which limits; its secret is shown on the page that follows.

use axum::Router;
use axum::routing::get;
use maud::{Markup, Render as _, html};
use serde_json::json;

use super::{PATH, secret_page};
use crate::access::Permission;
use crate::access::api_keys::{self, ApiKey, Network, NewApiKey, Preset, ScopeChoice};
use crate::access::keys::ApiKeySecret;
use crate::app::App;
use crate::dashboard::answer::Answer;
use crate::dashboard::components::{ApiCall, Button, Card, Checkbox, Field, Form, RadioCards};
use crate::dashboard::door::{Visitor, carry_out};
use crate::dashboard::form::{FieldErrors, FormData, Posted};
use crate::dashboard::layout::Page;
use crate::dashboard::notice::Notice;
use crate::dashboard::rooms::Room;
use crate::error::{Code, Error, Fault, Result};
use crate::http::idempotency::Idempotency;
use crate::http::reply::Reply;
use crate::types::{Name, Timestamp};

/// The pages.
pub(super) fn routes() -> Router<App> {
    Router::new().route("/dashboard/settings/api/new", get(show).post(create))
}

async fn show(visitor: Visitor) -> Answer {
    visitor.session.caller.require(Permission::KeysWrite)?;
    let mut given = vec![("access".to_owned(), "provisioning".to_owned())];
    given.push((
        "once".to_owned(),
        visitor.app.ids.uuid(visitor.now()).to_string(),
    ));
    Ok(form_page(
        &visitor,
        &FormData::new(given),
        &FieldErrors::default(),
    ))
}

fn form_page(
    visitor: &Visitor,
    given: &FormData,
    errors: &FieldErrors,
) -> axum::response::Response {
    let access = RadioCards::new("access", "What may it do?")
        .card(
            "provisioning",
            "Provisioning",
            "The one call, and looking up what it has done. Right for a shop or a form.",
        )
        .card(
            "read_only",
            "Read only",
            "Sees everything, changes nothing. Right for reports.",
        )
        .card(
            "full",
            "Full access",
            "Everything you may do yourself. Right for an integration you trust.",
        )
        .card("chosen", "Chosen scopes", "Only what you tick below.")
        .selected(given.get("access"))
        .error(errors.get("scopes"));
    let fields = html! {
        (Field::text("name", "Name").value(given.get("name")).hint("What uses it, such as «Web shop». It stands in the audit trail beside everything it does.")
            .required().autofocus().error(errors.get("name")))
        (access)
        (scope_list(visitor, given))
        div.form-row {
            (Field::date("expires_at", "Ends on").value(given.get("expires_at")).hint("At the end of that day, UTC.").error(errors.get("expires_at")))
            (Field::number("requests_per_minute", "Requests a minute").value(given.get("requests_per_minute"))
                .hint("Its own limit, within the account's.").error(errors.get("requests_per_minute")))
        }
        (Field::text_area("allowed_addresses", "Only from these addresses").value(given.get("allowed_addresses")).mono()
            .placeholder("203.0.113.0/24").hint("One address or network a line; without any, from everywhere.").error(errors.get("allowed_addresses")))
    };
    let form = Form::post(format!("{PATH}/new"), &visitor.csrf, fields)
        .hidden("once", given.get("once"))
        .errors(errors.summary())
        .buttons([
            Button::submit("Make key").primary(),
            Button::link("Cancel", PATH),
        ])
        .after(
            ApiCall::new(
                "call-key",
                "POST",
                format!("{}/api/api_keys", visitor.origin()),
            )
            .body(json!({ "name": "Web shop", "scopes": "provisioning" }))
            .scope("keys:write"),
        );
    let page = Page {
        crumbs: vec![("API".to_owned(), PATH.to_owned())],
        lead: Some("The secret is shown once, on the next page.".to_owned()),
        narrow: true,
        ..Page::titled("New key")
    };
    visitor.render(Room::Api, &page, &Card::new(form.render()).render())
}

/// A box for each scope that the visitor holds; shown when scopes are to be chosen.
fn scope_list(visitor: &Visitor, given: &FormData) -> Markup {
    let chosen: Vec<&str> = given.all("scope").collect();
    html! {
        fieldset.field.scopes {
            legend { "Scopes" }
            div.columns.columns-3 {
                @for permission in Permission::ALL.iter().filter(|permission| visitor.session.caller.may(**permission)) {
                    (Checkbox {
                        name: "scope".to_owned(),
                        value: permission.as_str().to_owned(),
                        label: permission.as_str().to_owned(),
                        checked: chosen.contains(&permission.as_str()),
                        ..Checkbox::default()
                    })
                }
            }
        }
    }
}

async fn create(Posted { visitor, form }: Posted) -> Answer {
    let made = match read(&form) {
        Ok(new) => make(&visitor, &form, &new).await,
        Err(faults) => Err(Error::invalid(faults)),
    };
    match made {
        Ok((key, secret)) => Ok(secret_page(
            &visitor,
            &key,
            secret.expose(),
            "Key made",
            "Copy it now and keep it where your program reads its secrets. Only a hash is stored: nobody can show it again.",
        )),
        Err(error) if error.code() == Code::IdempotencyInProgress => Ok(visitor.redirect_with(
            PATH,
            Notice::warning("That key was made already, and its secret is not shown again. If it is lost, rotate the key."),
        )),
        Err(error) if error.code().status() == 422 => Ok(form_page(&visitor, &form, &FieldErrors::of(&error))),
        Err(error) => Err(error.into()),
    }
}

/// Makes the key once for each form that was shown: the same form sent again is refused as already running.
async fn make(
    visitor: &Visitor,
    form: &FormData,
    new: &NewApiKey,
) -> Result<(ApiKey, ApiKeySecret)> {
    let app = &visitor.app;
    let call = visitor.call();
    let once = Idempotency::of(Some(form.get("once").as_bytes()), "POST", PATH, None, b"")?;
    if let Some(once) = &once
        && once.recall(app, &call).await?.is_some()
    {
        return Err(Error::new(
            Code::IdempotencyInProgress,
            "This form was sent already.",
        ));
    }
    carry_out(visitor, || async {
        let (mut plan, made) = api_keys::create(app, &call, new).await?;
        if let Some(once) = &once {
            plan.remember(once.remember(&call, &Reply::empty()));
        }
        Ok((plan, made))
    })
    .await
}

fn read(form: &FormData) -> Result<NewApiKey, Vec<Fault>> {
    let mut faults = Vec::new();
    let mut note = |fault: Fault| faults.push(fault);
    let name = Name::parse(form.get("name"))
        .map_err(|fault| note(Fault::new("/name", "invalid", fault)))
        .ok();
    let limit = form.number("requests_per_minute").unwrap_or_else(|fault| {
        note(fault);
        None
    });
    let expires_at = form.optional("expires_at").and_then(|day| {
        let end = Timestamp::parse(&format!("{day}T23:59:59Z"));
        if end.is_none() {
            note(Fault::new(
                "/expires_at",
                "invalid",
                "must be a day such as 2027-01-31",
            ));
        }
        end
    });
    let mut allowed_addresses = Vec::new();
    for line in form
        .get("allowed_addresses")
        .split(['\n', ','])
        .map(str::trim)
        .filter(|line| !line.is_empty())
    {
        match Network::parse(line) {
            Some(network) => allowed_addresses.push(network),
            None => note(Fault::new(
                "/allowed_addresses",
                "invalid",
                format!("{line} is not a network such as 203.0.113.0/24 or 2001:db8::/32"),
            )),
        }
    }
    let scopes = Preset::from_word(form.get("access")).map_or_else(
        || {
            ScopeChoice::List(
                form.all("scope")
                    .filter_map(Permission::from_word)
                    .collect(),
            )
        },
        ScopeChoice::Preset,
    );
    match name {
        Some(name) if faults.is_empty() => Ok(NewApiKey {
            expires_at,
            allowed_addresses,
            requests_per_minute: limit,
            ..NewApiKey::new(name, scopes)
        }),
        _ => Err(faults),
    }
}
