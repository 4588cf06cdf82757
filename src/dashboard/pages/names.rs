//! The names that lists show beside the ids they hold, read at once for a whole page.

use std::collections::BTreeMap;
use std::fmt::Display;

use super::desk::Desk;
use super::users::team_choices;
use crate::db::{Batch, Select};
use crate::error::Result;
use crate::params;
use crate::types::json_list;

/// Names by id.
pub(super) type Names = BTreeMap<String, String>;

/// What an id is of.
#[derive(Clone, Copy)]
pub(super) enum Named {
    /// A person: the name, or where there is none the address.
    Person,
    /// A team.
    Team,
    /// An organization.
    Organization,
    /// A product.
    Product,
    /// A course.
    Course,
    /// A seat: the name of its product.
    Seat,
}

/// The read of names: rows of id and name.
pub(super) fn select(of: Named, ids: impl IntoIterator<Item = impl Display>) -> Select {
    let (name, table) = match of {
        Named::Person => ("coalesce(t.name, t.email)", "users"),
        Named::Team => ("t.name", "teams"),
        Named::Organization => ("t.name", "organizations"),
        Named::Product => ("t.name", "products"),
        Named::Course => ("t.name", "courses"),
        Named::Seat => (
            "(SELECT p.name FROM products p WHERE p.account_id = $1 AND p.id = t.product_id)",
            "seats",
        ),
    };
    Select::new(
        format!(
            "SELECT t.id, {name} FROM {table} t WHERE t.account_id = $1 AND t.id IN (SELECT value FROM JSON_LIST($2) AS wanted)"
        ),
        params![json_list(ids.into_iter().map(|id| id.to_string()))],
    )
}

/// The names behind lists of ids, and the teams that a filter offers.
pub(super) async fn beside(
    desk: &Desk,
    lists: impl IntoIterator<Item = (Named, Vec<String>)>,
) -> Result<(Names, Vec<(String, String)>)> {
    let mut batch = Batch::new();
    let slots: Vec<_> = lists
        .into_iter()
        .map(|(of, ids)| batch.add::<(String, String)>(select(of, ids)))
        .collect();
    let teams = batch.add::<(String, String)>(team_choices(desk));
    let mut rows = desk.db().read(&desk.caller().account, batch).await?;
    let names = slots.iter().flat_map(|slot| rows.take(slot)).collect();
    Ok((names, rows.take(&teams)))
}
