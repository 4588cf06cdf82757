//! The first round of questions: what the body names.

use serde_json::Value as JsonValue;

use super::{FirstSlots, LineSlots};
use crate::access::Caller;
use crate::commerce::orders::provisioned;
use crate::db::{Batch, Select, Slot};
use crate::lifecycle::restore::aside_with_address;
use crate::params;
use crate::provisioning::request::{ProvisionRequest, SeatPart, Strategy};
use crate::resource::{Record, named_by, within};
use crate::resources::{Organization, Product, Team, User};
use crate::seats::{Seat, SeatTemplate};
use crate::types::{Name, Ref};

fn by_reference<K: crate::types::Kind>(reference: &Ref<K>) -> (&'static str, String) {
    match reference {
        Ref::Id(id) => ("id", id.to_string()),
        Ref::External(key) => ("external_id", key.to_string()),
        Ref::Email(email) => ("email_key", email.key()),
    }
}

/// Asks for everything that the body names.
pub(super) fn ask(batch: &mut Batch, caller: &Caller, request: &ProvisionRequest) -> FirstSlots {
    let users = user_slots(batch, request);
    let email = request.user.email.as_ref();
    let aside = email.map(|email| batch.add::<User>(aside_with_address(email)));
    let part = &request.team;
    let organization = part.organization.as_ref().map(|reference| {
        let (column, value) = by_reference(reference);
        batch.add::<Organization>(within_reach::<Organization>(caller, column, &value))
    });
    let by_id = part.id.as_ref().map(|reference| {
        let (column, value) = by_reference(reference);
        batch.add::<Team>(Select::rows::<Team>(
            &format!("WHERE account_id = $1 AND {column} = $2 AND deleted_at IS NULL"),
            params![value],
        ))
    });
    let named = part
        .name
        .as_ref()
        .map(|name| batch.add::<Team>(teams_of_name(name, request)));
    let account = batch.add::<(JsonValue, String)>(Select::new(
        "SELECT settings, locale FROM accounts WHERE account_id = $1",
        vec![],
    ));
    let strategy = part.strategy.unwrap_or(Strategy::Auto);
    let is_open = part.id.is_none() && part.name.is_none();
    let default = (is_open && matches!(strategy, Strategy::First | Strategy::Auto))
        .then(|| batch.add::<Team>(default_team(request)));
    let domain = request.user.email.as_ref().filter(|_| is_open && strategy == Strategy::Auto).map(|email| {
        batch.add::<Team>(Select::rows::<Team>(
            "WHERE account_id = $1 AND deleted_at IS NULL AND id IN (SELECT coalesce(c.team_id, o.default_team_id) FROM domain_claims c LEFT JOIN organizations o ON o.account_id = $1 AND o.id = c.organization_id WHERE c.account_id = $1 AND c.domain = $2 AND c.state = 'verified')",
            params![crate::resources::domain_claim::key(&email.domain())],
        ))
    });
    let lines: Vec<LineSlots> = request
        .seats
        .iter()
        .map(|part| line_slots(batch, caller, part))
        .collect();
    let adds = request.seats.iter().any(|part| part.quantity.is_some());
    let orders_told = request
        .external_reference
        .as_ref()
        .filter(|_| adds)
        .map(|reference| batch.add::<(i64,)>(provisioned::standing(reference)));
    FirstSlots {
        users,
        aside,
        organization,
        by_id,
        named,
        account,
        default,
        domain,
        lines,
        orders_told,
    }
}

fn user_slots(batch: &mut Batch, request: &ProvisionRequest) -> Vec<(&'static str, Slot<User>)> {
    let mut slots = Vec::new();
    let mut add = |column: &'static str, value: String| {
        // Who became part of another is that one, by whichever name.
        let named = named_by("users", column, User::ALIASES);
        let slot = batch.add::<User>(Select::rows::<User>(
            &format!("WHERE account_id = $1 AND {named} AND deleted_at IS NULL"),
            params![value],
        ));
        slots.push((column, slot));
    };
    let user = &request.user;
    if let Some(id) = &user.id {
        add("id", id.to_string());
    }
    if let Some(key) = &user.external_id {
        add("external_id", key.to_string());
    }
    if let Some(email) = &user.email {
        add("email_key", email.key());
    }
    slots
}

/// The record of a key among those the caller may see.
fn within_reach<R: Record>(caller: &Caller, column: &str, value: &str) -> Select {
    let mut params = params![value.to_owned()];
    let reach = within(caller, R::REACH, 3).map(|(condition, value)| {
        params.push(value);
        condition
    });
    let rest = format!(
        "WHERE {0}.account_id = $1 AND {0}.{column} = $2{1}",
        R::TABLE,
        reach.unwrap_or_default()
    );
    Select::rows::<R>(&rest, params)
}

fn line_slots(batch: &mut Batch, caller: &Caller, part: &SeatPart) -> LineSlots {
    let product_where = |condition: &str| {
        format!("WHERE account_id = $1 AND id IN (SELECT product_id FROM {condition})")
    };
    if let Some(seat) = &part.seat {
        let (column, value) = by_reference(seat);
        return LineSlots {
            product: batch.add(Select::rows::<Product>(
                &product_where(&format!("seats WHERE account_id = $1 AND {column} = $2")),
                params![value.clone()],
            )),
            seat: Some(batch.add(within_reach::<Seat>(caller, column, &value))),
            template: None,
        };
    }
    if let Some(template) = &part.template {
        let (column, value) = by_reference(template);
        return LineSlots {
            product: batch.add(Select::rows::<Product>(
                &product_where(&format!(
                    "seat_templates WHERE account_id = $1 AND {column} = $2"
                )),
                params![value],
            )),
            seat: None,
            template: Some(batch.add(Select::rows::<SeatTemplate>(
                &format!("WHERE account_id = $1 AND {column} = $2"),
                params![value],
            ))),
        };
    }
    let (column, value) = part
        .product
        .as_ref()
        .map_or(("id", String::new()), by_reference);
    LineSlots {
        product: batch.add(Select::rows::<Product>(
            &format!("WHERE account_id = $1 AND {column} = $2"),
            params![value],
        )),
        seat: None,
        template: None,
    }
}

/// Teams of a name: in the organization named; for a new team without one, among those of none; else anywhere.
fn teams_of_name(name: &Name, request: &ProvisionRequest) -> Select {
    let (condition, value) = match &request.team.organization {
        Some(reference) => {
            let (column, value) = by_reference(reference);
            (
                format!(
                    "AND organization_id = (SELECT id FROM organizations WHERE account_id = $1 AND {column} = $3)"
                ),
                value,
            )
        }
        None if request.team.strategy == Some(Strategy::Create) => (
            "AND organization_id IS NULL AND $3 = ''".to_owned(),
            String::new(),
        ),
        None => ("AND $3 = ''".to_owned(), String::new()),
    };
    Select::rows::<Team>(
        &format!(
            "WHERE account_id = $1 AND name_key = $2 AND deleted_at IS NULL {condition} ORDER BY created_at, id LIMIT 5"
        ),
        params![name.key(), value],
    )
}

/// The default team for new people: the organization's, else the account's.
fn default_team(request: &ProvisionRequest) -> Select {
    let (of_organization, value) = match &request.team.organization {
        Some(reference) => {
            let (column, value) = by_reference(reference);
            (
                format!(
                    "(SELECT t.id FROM organizations o JOIN teams t ON t.account_id = $1 AND t.id = o.default_team_id JOIN organizations own ON own.account_id = $1 AND own.id = t.organization_id \
                     AND own.path >= o.path AND own.path < o.path || '~' WHERE o.account_id = $1 AND o.{column} = $2)"
                ),
                value,
            )
        }
        None => ("NULLIF($2, '')".to_owned(), String::new()),
    };
    Select::rows::<Team>(
        &format!(
            "WHERE account_id = $1 AND deleted_at IS NULL AND id = COALESCE({of_organization}, (SELECT default_team_id FROM accounts WHERE account_id = $1))"
        ),
        params![value],
    )
}
