//! Domains: who claims which, whether it is proved, and the text that proves it.

use maud::{Markup, Render, html};
use serde_json::json;

use super::desk::{Desk, Shown, fault, faults, read, summary};
use super::look::{organization_href, since, team_href};
use super::provision::with_none;
use super::teams::organization_choices;
use super::users::{pager, team_choices};
use crate::access::Permission;
use crate::dashboard::components::{
    Badge, Button, Card, Cell, Column, CopyField, EmptyState, Facts, Field, FilterBar, Menu,
    RadioCards, Row, Table, Tone, day,
};
use crate::dashboard::icons::Icon;
use crate::dashboard::layout::Page;
use crate::error::Result;
use crate::records;
use crate::resources::DomainClaim;
use crate::resources::domain_claim::{
    CheckResult, ClaimState, DomainClaimPatch, NewDomainClaim, Proof, plan_change, plan_create,
    plan_delete, plan_verify,
};
use crate::types::Ref;

fn href(claim: &DomainClaim) -> String {
    format!("/dashboard/domains/{}", claim.id)
}

fn actions(desk: &Desk) -> Markup {
    html! {
        @if desk.may(Permission::DomainsWrite) {
            (Button::link("Claim a domain", "/dashboard/domains/new").primary().icon(Icon::Plus))
        }
    }
}

/// The list of all claims.
pub(super) async fn domains(desk: Desk) -> Result<Shown> {
    let list = desk.records::<DomainClaim>().await?;
    let url = desk.list("/dashboard/domains");
    let filters = FilterBar::new(url.clone())
        .search("Search by domain")
        .select(
            "state",
            "State",
            [("verified", "Verified"), ("pending", "Not proved yet")],
        );
    let mut table = claims_table(&desk, &list.rows).pager(pager(&desk, &url, &list));
    if filters.is_active() {
        table = table.empty(EmptyState::no_match("/dashboard/domains"));
    }
    let page = Page {
        crumbs: vec![("Organizations".into(), "/dashboard/organizations".into())],
        lead: Some(
            "People with an address of a verified domain join its team by themselves.".into(),
        ),
        actions: Some(actions(&desk)),
        ..Page::titled("Domains")
    };
    Ok(Shown::page(page, html! { div.stack { (filters) (table) } }))
}

fn state_badge(claim: &DomainClaim) -> Badge {
    match (claim.state, claim.proof) {
        (ClaimState::Verified, Proof::Dns) => {
            Badge::new("Verified by DNS").tone(Tone::Success).dot()
        }
        (ClaimState::Verified, Proof::Admin) => Badge::new("Verified by an administrator")
            .tone(Tone::Success)
            .dot(),
        (ClaimState::Pending, _) => Badge::new("Not proved yet").tone(Tone::Warning).dot(),
    }
}

/// Claims as a table.
pub(super) fn claims_table(desk: &Desk, claims: &[DomainClaim]) -> Table {
    let rows = claims.iter().map(|claim| {
        let holder = match (&claim.organization_id, &claim.team_id) {
            (Some(id), _) => Cell::link("Organization", &organization_href(id.as_str()), None),
            (None, Some(id)) => Cell::link("Team", &team_href(id.as_str()), None),
            (None, None) => Cell::none(),
        };
        let row = Row::new([
            Cell::link(claim.domain.as_str(), &href(claim), None),
            Cell::new(state_badge(claim)),
            holder,
            Cell::new(day(claim.created_at.to_jiff())),
        ]);
        if !desk.may(Permission::DomainsWrite) {
            return row;
        }
        let question = format!(
            "Release {}? New people of it are led nowhere any more.",
            claim.domain
        );
        let menu = Menu::new(format!("Actions for {}", claim.domain))
            .post(
                Icon::Refresh,
                "Look it up now",
                &format!("{}/verify", href(claim)),
                &desk.csrf,
                None,
            )
            .post(
                Icon::Trash,
                "Release",
                &format!("{}/delete", href(claim)),
                &desk.csrf,
                Some(&question),
            );
        row.actions(menu)
    });
    let columns = ["Domain", "State", "Claimed by", "Since"].map(Column::new);
    let empty = EmptyState::new(
        Icon::Globe,
        "No domain is claimed",
        "Claim the domain of a company, and its people find their team by their address.",
    );
    Table::new("Domains", columns, rows).empty(empty)
}

/// The form of a new claim.
pub(super) async fn create(desk: Desk) -> Result<Shown> {
    desk.require(Permission::DomainsWrite)?;
    let mut errors = None;
    if desk.is_post() {
        match make(&desk).await {
            Ok(claim) => {
                let text = format!("{} is claimed.", claim.domain);
                return Ok(Shown::done(href(&claim), text));
            }
            Err(error) => errors = Some(faults(error)?),
        }
    }
    let whole = desk.caller().require_account().is_ok();
    let account = &desk.caller().account;
    let teams: Vec<(String, String)> = desk.db().fetch(account, team_choices(&desk)).await?;
    let organizations: Vec<(String, String)> = if whole {
        desk.db().fetch(account, organization_choices()).await?
    } else {
        Vec::new()
    };
    let mut proofs = RadioCards::new("proof", "How it is proved").card(
        "dns",
        "By the DNS",
        "You get a text for a TXT record of the domain. Until it is found, nobody is led anywhere.",
    );
    if whole {
        proofs = proofs.card("admin", "By your word", "You know that the domain is theirs. It holds at once, and says that it rests on your word.");
    }
    let fields = html! {
        (Field::text("domain", "Domain").value(desk.field("domain")).error(fault(errors.as_ref(), "domain")).required().mono().autocomplete("off").placeholder("acme.example"))
        @if whole {
            (Field::select("organization", "Organization", with_none("None: a team claims it", &organizations)).value(desk.shown("organization", desk.get("organization"))).error(fault(errors.as_ref(), "organization")).hint("Its people go to the default team."))
        }
        (Field::select("team", "Team", with_none("None: the organization claims it", &teams)).value(desk.shown("team", desk.get("team"))).error(fault(errors.as_ref(), "team")))
        (proofs.selected(&desk.shown("proof", "dns")).error(fault(errors.as_ref(), "proof")))
    };
    let call = desk
        .api("call-claim", "POST", "/domain_claims")
        .body(json!({ "domain": "acme.example", "organization": "ext:acme", "proof": "dns" }))
        .scope("domains:write");
    let form = desk
        .post("/dashboard/domains/new", fields)
        .errors(summary(errors.as_ref()))
        .buttons([
            Button::submit("Claim domain").primary(),
            Button::link("Cancel", "/dashboard/domains").quiet(),
        ])
        .after(call);
    let page = Page {
        crumbs: vec![("Domains".into(), "/dashboard/domains".into())],
        narrow: true,
        ..Page::titled("Claim a domain")
    };
    Ok(Shown::form(
        page,
        errors.as_ref(),
        Card::new(form.render()).render(),
    ))
}

async fn make(desk: &Desk) -> Result<DomainClaim> {
    let body = desk.filled(&["domain", "organization", "team", "proof"]);
    let new: NewDomainClaim = read(&body.into())?;
    let (db, ids, call) = (desk.db(), &desk.app.ids, &desk.call);
    desk.commit(|| plan_create(db, ids, call, &new)).await
}

async fn find(desk: &Desk) -> Result<DomainClaim> {
    records::find::<DomainClaim>(desk.db(), desk.caller(), &desk.reference(0)?).await
}

/// One claim: its text, what was found, and what can be done.
pub(super) async fn claim(desk: Desk) -> Result<Shown> {
    desk.require(Permission::OrganizationsRead)?;
    let claim = find(&desk).await?;
    let found = match claim.check_result {
        None => "Not asked yet",
        Some(CheckResult::Found) => "The text is there",
        Some(CheckResult::NotFound) => "The domain has no such text",
        Some(CheckResult::NoSuchDomain) => "There is no such domain",
        Some(CheckResult::Unreachable) => "The DNS could not be reached",
    };
    let facts = Facts::new()
        .markup("State", state_badge(&claim).render())
        .text("Last look-up", found)
        .markup("Asked", since(claim.checked_at))
        .markup("Claimed", day(claim.created_at.to_jiff()));
    let write = desk.may(Permission::DomainsWrite);
    let vouch = write
        && claim.proof == Proof::Dns
        && claim.state == ClaimState::Pending
        && desk.caller().require_account().is_ok();
    let call = desk
        .api(
            "call-verify",
            "POST",
            &format!("/domain_claims/{}/verify", claim.id),
        )
        .scope("domains:write");
    let body = html! {
        (facts)
        @if claim.proof == Proof::Dns {
            p.prose { "Make this TXT record at " code { (claim.domain) } " itself. It is looked up by itself from time to time, for thirty days." }
            (CopyField { label: "Text of the TXT record".into(), value: claim.txt_record.clone() })
        }
        @if write {
            (desk.post(format!("{}/verify", href(&claim)), html! {}).buttons([Button::submit("Look it up now").primary().icon(Icon::Refresh)]).after(call))
        }
        @if vouch {
            (desk.post(format!("{}/vouch", href(&claim)), html! {}).confirm(format!("You know that {} is theirs?", claim.domain)).buttons([Button::submit("Verify by my word")]))
        }
    };
    let page = Page {
        crumbs: vec![("Domains".into(), "/dashboard/domains".into())],
        narrow: true,
        ..Page::titled(claim.domain.as_str())
    };
    Ok(Shown::page(
        page,
        Card::new(html! { div.stack { (body) } }).render(),
    ))
}

/// Asks for a look-up at once.
pub(super) async fn verify(desk: Desk) -> Result<Shown> {
    desk.require_post()?;
    let claim = find(&desk).await?;
    let (db, call, reference) = (desk.db(), &desk.call, Ref::Id(claim.id.clone()));
    desk.commit(|| plan_verify(db, call, &reference)).await?;
    Ok(Shown::done(
        href(&claim),
        format!(
            "{} is looked up; load the page again in a moment.",
            claim.domain
        ),
    ))
}

/// Takes the visitor's word for proof.
pub(super) async fn vouch(desk: Desk) -> Result<Shown> {
    desk.require_post()?;
    let claim = find(&desk).await?;
    let patch = DomainClaimPatch {
        proof: Some(Proof::Admin),
        ..DomainClaimPatch::default()
    };
    let (db, call, reference) = (desk.db(), &desk.call, Ref::Id(claim.id.clone()));
    desk.commit(|| plan_change(db, call, &reference, &patch, |_| Ok(())))
        .await?;
    Ok(Shown::done(
        href(&claim),
        format!("{} is verified by your word.", claim.domain),
    ))
}

/// Releases a domain.
pub(super) async fn delete(desk: Desk) -> Result<Shown> {
    desk.require_post()?;
    let claim = find(&desk).await?;
    let (db, call, reference) = (desk.db(), &desk.call, Ref::Id(claim.id.clone()));
    desk.commit(|| async { Ok((plan_delete(db, call, &reference, |_| Ok(())).await?, ())) })
        .await?;
    Ok(Shown::done(
        "/dashboard/domains",
        format!("{} is released.", claim.domain),
    ))
}
