//! What an organization takes over from those above it: its look, its catalog, those who look after it.
//!
//! A path names everything above a node, so the way up is one read by primary keys, eight rows at the most, however
//! large the tree is. Where a statement must find the way by itself, `commerce::visibility` walks it from parent to parent.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value as JsonValue;

use super::Organization;
use super::admins::AdminAbove;
use super::branding::{AccountLook, Branding, EffectiveBranding};
use crate::access::{Call, Permission};
use crate::accounts::AccountSettings;
use crate::columns;
use crate::db::{Answers, Batch, Db, Select, Slot};
use crate::error::{Error, Result};
use crate::params;
use crate::records;
use crate::types::text::Json;
use crate::types::{Id, Name, Ref, json_list};

/// A node on the way from an organization up to its root.
#[derive(Debug, Clone)]
pub struct Link {
    /// The organization.
    pub id: Id<Organization>,
    /// Its name.
    pub name: Name,
    /// Its level.
    pub depth: i64,
    /// What it sets of its look.
    pub branding: Branding,
    /// Whether it takes over the look above it.
    pub inherit_branding: bool,
    /// Whether it takes over the catalog above it.
    pub inherit_catalog: bool,
}

struct LinkRow {
    id: Id<Organization>,
    name: Name,
    depth: i64,
    branding: Json<Branding>,
    inherit_branding: bool,
    inherit_catalog: bool,
}
columns!(LinkRow in "organizations": id, name, depth, branding, inherit_branding, inherit_catalog);

/// An organization by id and name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Named {
    /// Its id.
    pub id: Id<Organization>,
    /// Its name.
    pub name: Name,
}

impl Link {
    /// Its id and name.
    pub fn named(&self) -> Named {
        Named {
            id: self.id.clone(),
            name: self.name.clone(),
        }
    }
}

/// The ids on a path, from the root down.
pub fn ids_of(path: &str) -> Vec<&str> {
    path.split('/').filter(|id| !id.is_empty()).collect()
}

/// The longest path that all of these begin with: what they have in common, `/` where that is nothing.
pub fn common_path(paths: &[String]) -> String {
    let Some((first, others)) = paths.split_first() else {
        return "/".to_owned();
    };
    let shared = |part: &&str| {
        let upto = part.len();
        others.iter().all(|other| other.get(..upto) == Some(*part))
    };
    let ends = first.match_indices('/').map(|(at, _)| at + 1);
    let prefixes: Vec<&str> = ends.filter_map(|end| first.get(..end)).collect();
    let longest = prefixes.into_iter().rev().find(shared);
    longest.unwrap_or("/").to_owned()
}

/// Where the way up from a path will be.
pub struct Way(Slot<LinkRow>);

impl Way {
    /// Asks for the nodes on a path.
    pub fn ask(batch: &mut Batch, path: &str) -> Self {
        Self(batch.add(Select::rows::<LinkRow>(
            "WHERE account_id = $1 AND id IN (SELECT value FROM JSON_LIST($2) AS way) ORDER BY depth DESC",
            params![json_list(ids_of(path))],
        )))
    }

    /// The nodes, the lowest first.
    pub fn take(&self, rows: &mut Answers) -> Vec<Link> {
        let link = |row: LinkRow| Link {
            id: row.id,
            name: row.name,
            depth: row.depth,
            branding: row.branding.0,
            inherit_branding: row.inherit_branding,
            inherit_catalog: row.inherit_catalog,
        };
        rows.take(&self.0).into_iter().map(link).collect()
    }
}

/// The read of what the account sets.
pub fn account_look() -> Select {
    Select::new(
        "SELECT name, settings FROM accounts WHERE account_id = $1",
        Vec::new(),
    )
}

/// What [`account_look`] found.
pub fn look_of(row: Option<(String, JsonValue)>) -> AccountLook {
    let (name, settings) = row.unwrap_or_default();
    let settings: AccountSettings = serde_json::from_value(settings).unwrap_or_default();
    AccountLook {
        name,
        brand: settings.brand,
    }
}

/// The organizations whose catalog is seen at the first of `way`: itself and those above it, up to one that does not
/// take over. Whether the account's own catalog is seen too.
pub fn catalog_of(way: &[Link]) -> (Vec<Named>, bool) {
    let stop = way.iter().position(|link| !link.inherit_catalog);
    let heard = stop.map_or(way, |stop| way.get(..=stop).unwrap_or(way));
    (heard.iter().map(Link::named).collect(), stop.is_none())
}

/// What holds at an organization, and where it comes from. Names and administrators further up than the caller sees are
/// left out.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct OrganizationEffective {
    /// The organization.
    pub organization_id: Id<Organization>,
    /// From the root down to the organization itself.
    pub path: Vec<Named>,
    /// Its look.
    pub branding: EffectiveBranding,
    /// The organizations whose catalog is seen here, the nearest first.
    pub catalog: Vec<Named>,
    /// Whether what the account offers to all is seen here too.
    pub account_catalog: bool,
    /// Who looks after it by a role on it or above it; 200 at the most.
    pub admins: Vec<AdminAbove>,
}

/// Reads what holds at an organization.
pub async fn effective(
    db: &Db,
    call: &Call,
    reference: &Ref<Organization>,
) -> Result<OrganizationEffective> {
    call.caller.require(Permission::OrganizationsRead)?;
    let node = records::find::<Organization>(db, &call.caller, reference).await?;
    let mut batch = Batch::new();
    let way = Way::ask(&mut batch, &node.path);
    let account = batch.add::<(String, JsonValue)>(account_look());
    let admins = batch.add::<AdminAbove>(AdminAbove::read(&ids_of(&node.path)));
    let seen = batch.add::<(Id<Organization>,)>(seen_of(call, &node.path));
    let mut rows = db.read(call.account(), batch).await?;
    let way = way.take(&mut rows);
    if way.first().is_none_or(|link| link.id != node.id) {
        return Err(Error::not_found("organization"));
    }
    let seen: Vec<Id<Organization>> = rows.take(&seen).into_iter().map(|(id,)| id).collect();
    let (catalog, account_catalog) = catalog_of(&way);
    let mut branding = EffectiveBranding::of(&way, &look_of(rows.first(&account)));
    branding.hide_sources(&seen);
    Ok(OrganizationEffective {
        organization_id: node.id,
        path: way
            .iter()
            .rev()
            .map(Link::named)
            .filter(|one| seen.contains(&one.id))
            .collect(),
        branding,
        catalog: catalog
            .into_iter()
            .filter(|one| seen.contains(&one.id))
            .collect(),
        account_catalog,
        admins: rows
            .take(&admins)
            .into_iter()
            .filter(|one| seen.contains(&one.organization_id))
            .collect(),
    })
}

/// The read of which organizations on a path the caller sees.
fn seen_of(call: &Call, path: &str) -> Select {
    let mut params = params![json_list(ids_of(path))];
    let reach = records::reach_condition::<Organization>(&call.caller, 3).map(|(text, value)| {
        params.push(value);
        text
    });
    Select::new(
        format!(
            "SELECT id FROM organizations WHERE account_id = $1 AND id IN (SELECT value FROM JSON_LIST($2) AS way){}",
            reach.unwrap_or_default()
        ),
        params,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_paths_have_in_common_is_whole_nodes() {
        let common = |paths: &[&str]| {
            let paths: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
            common_path(&paths)
        };
        assert_eq!(common(&[]), "/");
        assert_eq!(common(&["/a/b/"]), "/a/b/");
        assert_eq!(common(&["/a/b/", "/a/bc/"]), "/a/");
        assert_eq!(common(&["/a/b/", "/a/b/c/"]), "/a/b/");
        assert_eq!(common(&["/a/", "/"]), "/");
        assert_eq!(common(&["/a/", "/b/"]), "/");
    }
}
