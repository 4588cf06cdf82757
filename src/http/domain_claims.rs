//! Claims of e-mail domains over HTTP.

use axum::http::Method;
use serde_json::{Value as JsonValue, json};

use super::crud::{self, Paths, check_match};
use super::endpoint::Endpoint;
use super::reply::Reply;
use super::request::Request;
use super::write::write;
use crate::access::Permission;
use crate::app::App;
use crate::error::{Code, Result};
use crate::resources::domain_claim::{
    self, DomainClaim, DomainClaimPatch, NewDomainClaim, plan_change, plan_create, plan_delete,
};
use crate::resources::{Organization, Team};
use crate::types::Ref;

const VERIFY: &str = "/domain_claims/{id}/verify";

/// The operations.
pub fn endpoints(paths: &Paths, new: JsonValue) -> Vec<Endpoint> {
    let scope = Permission::DomainsWrite;
    [
        crud::reads::<DomainClaim>(paths),
        vec![
            Endpoint::new(Method::POST, paths.list, "create_domain_claim", "domain_claims", create)
                .about(
                    "Claim a domain",
                    "People with an address of the domain join the team, or the default team of the organization, by themselves. Proved by the TXT record `txt_record` at the domain itself, \
                     which is looked up from time to time and by `verify`; or with `proof: admin` by your word. Until it is proved it leads nobody. Domains of public mail services are refused.",
                )
                .scope(scope)
                .takes::<NewDomainClaim>(new)
                .gives::<DomainClaim>(201)
                .problems(&[Code::AlreadyExists, Code::NotFound, Code::ValidationFailed]),
            Endpoint::new(Method::PATCH, paths.one, "update_domain_claim", "domain_claims", update)
                .about("Change a claim", "Gives the domain to another team or organization, or changes how it is proved. Honours `If-Match`.")
                .scope(scope)
                .takes::<DomainClaimPatch>(json!({ "proof": "admin" }))
                .gives::<DomainClaim>(200)
                .problems(&[Code::NotFound, Code::PreconditionFailed, Code::ValidationFailed]),
            Endpoint::new(Method::DELETE, paths.one, "delete_domain_claim", "domain_claims", delete)
                .about("Release a domain", "Its people are led nowhere any more; those who have joined stay.")
                .scope(scope)
                .gives_nothing()
                .problems(&[Code::NotFound, Code::PreconditionFailed]),
            Endpoint::new(Method::POST, VERIFY, "verify_domain_claim", "domain_claims", verify)
                .about("Look a claim up", "Asks the DNS for the text, outside of the request; `checked_at` and `check_result` tell what was found.")
                .scope(scope)
                .gives::<DomainClaim>(202)
                .problems(&[Code::NotFound]),
            crud::children::<Organization, DomainClaim>("/organizations/{id}/domains", "list_organization_domains", "organization_id")
                .about("List an organization's domains", "Those that the organization itself claims, the newest claim first."),
            crud::children::<Team, DomainClaim>("/teams/{id}/domains", "list_team_domains", "team_id")
                .about("List a team's domains", "Those that the team claims, the newest claim first."),
        ],
    ]
    .concat()
}

async fn create(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let new: NewDomainClaim = request.body()?;
    write(&app, &request, || async {
        let (plan, claim) = plan_create(&app.db, &app.ids, &request.call, &new).await?;
        let reply = Reply::json(201, &claim)?.with_etag();
        Ok((
            plan,
            reply.header("location", format!("/api/domain_claims/{}", claim.id)),
        ))
    })
    .await
}

async fn update(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let claim: Ref<DomainClaim> = request.reference(0)?;
    let patch: DomainClaimPatch = request.body()?;
    write(&app, &request, || async {
        let check = |claim: &DomainClaim| check_match(claim, request.if_match.as_deref());
        let (plan, claim) = plan_change(&app.db, &request.call, &claim, &patch, check).await?;
        Ok((plan, Reply::json(200, &claim)?.with_etag()))
    })
    .await
}

async fn delete(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let claim: Ref<DomainClaim> = request.reference(0)?;
    write(&app, &request, || async {
        let check = |claim: &DomainClaim| check_match(claim, request.if_match.as_deref());
        let plan = plan_delete(&app.db, &request.call, &claim, check).await?;
        Ok((plan, Reply::empty()))
    })
    .await
}

async fn verify(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let claim: Ref<DomainClaim> = request.reference(0)?;
    write(&app, &request, || async {
        let (plan, claim) = domain_claim::plan_verify(&app.db, &request.call, &claim).await?;
        Ok((plan, Reply::json(202, &claim)?))
    })
    .await
}
