//! Credits over HTTP: what a team or an organization has, what is added and taken, the ledger.

use axum::http::Method;
use serde_json::json;

use super::crud::{self, Paths, conditional};
use super::endpoint::Endpoint;
use super::reply::Reply;
use super::request::Request;
use super::write::write;
use crate::access::Permission;
use crate::app::App;
use crate::commerce::account::Owner;
use crate::commerce::credits::{self, Credited, Credits, CreditsInput, CreditsPatch};
use crate::commerce::{CreditAccount, CreditEntry};
use crate::error::{Code, Result};
use crate::records;
use crate::resource::Record;
use crate::resources::{Organization, Team};

const ACCOUNTS: Paths = Paths {
    list: "/credit_accounts",
    one: "/credit_accounts/{id}",
};
const ENTRIES: Paths = Paths {
    list: "/credit_entries",
    one: "/credit_entries/{id}",
};
const OF_TEAM: &str = "/teams/{id}/credits";
const OF_ORGANIZATION: &str = "/organizations/{id}/credits";

/// The operations.
pub fn endpoints() -> Vec<Endpoint> {
    [
        crud::reads::<CreditAccount>(&ACCOUNTS),
        crud::reads::<CreditEntry>(&ENTRIES),
        of(OF_TEAM, "team", "teams"),
        of(OF_ORGANIZATION, "organization", "organizations"),
    ]
    .concat()
}

fn of(path: &'static str, owner: &str, tag: &'static str) -> Vec<Endpoint> {
    let look = Endpoint::new(Method::GET, path, format!("get_{owner}_credits"), tag, move |app, request| get(app, request, path))
        .about(
            format!("Get the credits of a {owner}"),
            "The balance, what can be spent, and who pays for what it buys: the buyer first, then the organizations above it, one after the other.",
        )
        .scope(Permission::CreditsRead)
        .gives::<Credits>(200)
        .problems(&[Code::NotFound]);
    let add = Endpoint::new(Method::POST, path, format!("move_{owner}_credits"), tag, move |app, request| post(app, request, path))
        .about(
            format!("Add credits to a {owner}, or take some"),
            "A movement in double entry, append-only. A `reference` counts once for each account: a repeat answers 200 with the first movement, one with another amount 409 `reference_reused`.",
        )
        .scope(Permission::CreditsWrite)
        .takes::<CreditsInput>(json!({ "amount": 500, "reason": "grant", "note": "Invoice 2026-117", "reference": "invoice-2026-117" }))
        .gives::<Credited>(201)
        .problems(&[Code::NotFound, Code::InsufficientCredits, Code::ReferenceReused]);
    let allow = Endpoint::new(Method::PATCH, path, format!("update_{owner}_credits"), tag, move |app, request| patch(app, request, path))
        .about(
            format!("Allow a {owner} an overdraft"),
            "How far below zero the balance may go. Overdrafts are used when the credits of all who pay do not suffice.",
        )
        .scope(Permission::CreditsWrite)
        .takes::<CreditsPatch>(json!({ "overdraft": 100 }))
        .gives::<Credits>(200)
        .problems(&[Code::NotFound, Code::StateConflict, Code::ValidationFailed]);
    vec![look, add, allow]
}

/// The owner at the address, if the caller reaches it.
async fn owner(app: &App, request: &Request, path: &str) -> Result<Owner> {
    let (db, caller) = (&app.db, &request.call.caller);
    if path == OF_TEAM {
        let team: Team = records::find(db, caller, &request.reference(0)?).await?;
        return Ok(Owner::Team(team.id().clone()));
    }
    let organization: Organization = records::find(db, caller, &request.reference(0)?).await?;
    caller.require_account()?;
    Ok(Owner::Organization(organization.id().clone()))
}

async fn get(app: App, request: Request, path: &'static str) -> Result<Reply> {
    request.no_query()?;
    let owner = owner(&app, &request, path).await?;
    let credits = credits::credits(&app.db, &app.ids, &request.call, &owner).await?;
    Ok(conditional(
        Reply::json(200, &credits)?.with_etag(),
        request.if_none_match.as_deref(),
    ))
}

async fn post(app: App, request: Request, path: &'static str) -> Result<Reply> {
    request.no_query()?;
    let input: CreditsInput = request.body()?;
    let owner = owner(&app, &request, path).await?;
    write(&app, &request, || async {
        let (plan, done) =
            credits::plan_move(&app.db, &app.ids, &request.call, &owner, &input).await?;
        let reply = Reply::json(if plan.is_empty() { 200 } else { 201 }, &done)?;
        let location = format!("/api/credit_entries/{}", done.entry.id);
        Ok((plan, reply.header("location", location)))
    })
    .await
}

async fn patch(app: App, request: Request, path: &'static str) -> Result<Reply> {
    request.no_query()?;
    let input: CreditsPatch = request.body()?;
    let owner = owner(&app, &request, path).await?;
    write(&app, &request, || async {
        let (plan, credits) =
            credits::plan_overdraft(&app.db, &app.ids, &request.call, &owner, &input).await?;
        Ok((plan, Reply::json(200, &credits)?.with_etag()))
    })
    .await
}
