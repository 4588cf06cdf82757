//! What the demo's organizations have beside their teams: looks, default teams, domains, administrators, groups.

use serde_json::json;

use super::data::{ADMINS, DOMAINS, GROUPS, SET};
use super::{make, read};
use crate::access::Call;
use crate::app::App;
use crate::commit::commit;
use crate::error::{Error, Result};
use crate::resources::domain_claim::{self, NewDomainClaim};
use crate::resources::group::Group;
use crate::resources::group_team::{self, Direction};
use crate::resources::organization::{OrganizationPatch, admins, tree};
use crate::types::{Kind, Ref};

fn ext<K: Kind>(key: &str) -> Result<Ref<K>> {
    Ref::parse(&format!("ext:{key}")).map_err(Error::internal)
}

/// What can be set once the teams stand.
pub(super) async fn set(app: &App, call: &Call) -> Result<()> {
    let (db, ids) = (&app.db, &app.ids);
    for (key, change) in SET {
        let patch: OrganizationPatch =
            read(&serde_json::from_str(change).map_err(Error::internal)?)?;
        let node = ext(key)?;
        let plan = || tree::plan_change(db, call, &node, patch.clone(), |_| Ok(()));
        commit(db, ids, call, plan).await?;
    }
    for (domain, organization, proof) in DOMAINS {
        let new: NewDomainClaim = read(
            &json!({ "domain": domain, "organization": format!("ext:{organization}"), "proof": proof }),
        )?;
        let plan = || domain_claim::plan_create(db, ids, call, &new);
        commit(db, ids, call, plan).await?;
    }
    for (key, name, team, direction) in GROUPS {
        make::<Group>(app, call, json!({ "name": name, "external_id": key })).await?;
        let (group, team) = (ext(key)?, ext(team)?);
        let direction = Direction::from_word(direction).unwrap_or(Direction::Disabled);
        let plan = || async {
            let (plan, mapping, _) =
                group_team::plan_put(db, ids, call, &group, &team, direction).await?;
            Ok((plan, mapping))
        };
        commit(db, ids, call, plan).await?;
    }
    Ok(())
}

/// Who looks after which organization, once the people are here.
pub(super) async fn name_admins(app: &App, call: &Call) -> Result<()> {
    for (n, organization) in ADMINS {
        let (node, user) = (ext(organization)?, ext(&format!("crm-{}", 1000 + n))?);
        let plan = || admins::plan_put(&app.db, call, &node, &user);
        commit(&app.db, &app.ids, call, plan).await?;
    }
    Ok(())
}
