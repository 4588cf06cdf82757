//! A made-up training company, to look around in: made by the same functions that serve the API, so that it has its
//! events, its audit trail and its rules like any other.

mod data;

use serde::de::DeserializeOwned;
use serde_json::{Value as JsonValue, json};

use crate::access::Call;
use crate::app::App;
use crate::commit::commit;
use crate::error::{Error, Result};
use crate::records;
use crate::resource::Resource;
use crate::resources::course::Course;
use crate::resources::organization::Organization;
use crate::resources::product::Product;
use crate::resources::team::Team;
use crate::resources::user::User;
use data::{COURSES, FIRST_NAMES, LAST_NAMES, ORGANIZATIONS, PRODUCTS, TEAMS};

/// People of the demo.
pub const PEOPLE: usize = 250;

/// Fills an empty account with the demo's customers, teams, courses, products and people. What is cut off half-way stays
/// half made: begin again in an empty account.
pub async fn fill(app: &App, call: &Call) -> Result<()> {
    for (key, name, parent) in ORGANIZATIONS {
        let parent = parent.map(|parent| format!("ext:{parent}"));
        make::<Organization>(
            app,
            call,
            json!({ "name": name, "external_id": key, "parent": parent }),
        )
        .await?;
    }
    for (key, name, organization) in TEAMS {
        make::<Team>(app, call, json!({ "name": name, "external_id": key, "organization": format!("ext:{organization}") })).await?;
    }
    for (key, name, chapters) in COURSES {
        make::<Course>(
            app,
            call,
            json!({ "name": name, "external_id": key, "slug": key, "chapters": chapters }),
        )
        .await?;
    }
    for (key, name, courses) in PRODUCTS {
        let courses: Vec<String> = courses
            .iter()
            .map(|course| format!("ext:{course}"))
            .collect();
        make::<Product>(
            app,
            call,
            json!({ "name": name, "external_id": key, "courses": courses }),
        )
        .await?;
    }
    for n in 0..PEOPLE {
        make::<User>(app, call, person(n)).await?;
    }
    Ok(())
}

/// The nth person: no two have the same name, and the companies take turns.
fn person(n: usize) -> JsonValue {
    let pick =
        |list: &[&'static str], n: usize| list.get(n % list.len()).copied().unwrap_or_default();
    let first = pick(&FIRST_NAMES, n);
    let last = pick(&LAST_NAMES, n + n / FIRST_NAMES.len());
    let company = ORGANIZATIONS
        .get(n % ORGANIZATIONS.len())
        .map_or("", |(_, name, _)| *name);
    json!({ "email": format!("person-{:03}@demo.example", n + 1), "first_name": first, "last_name": last, "company": company, "external_id": format!("crm-{}", 1000 + n) })
}

async fn make<R: Resource>(app: &App, call: &Call, new: JsonValue) -> Result<()> {
    let plan = || async { records::plan_create::<R>(&app.db, &app.ids, call, read(&new)?).await };
    commit(&app.db, &app.ids, call, plan).await?;
    Ok(())
}

fn read<T: DeserializeOwned>(value: &JsonValue) -> Result<T> {
    T::deserialize(value).map_err(Error::internal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_two_people_have_one_name() {
        let names: BTreeSet<String> = (0..PEOPLE)
            .map(person)
            .map(|person| format!("{} {}", person["first_name"], person["last_name"]))
            .collect();
        assert_eq!(names.len(), PEOPLE);
    }

    #[test]
    fn everything_referred_to_is_there_before() {
        for (n, (_, _, parent)) in ORGANIZATIONS.iter().enumerate() {
            assert!(
                parent
                    .is_none_or(|parent| ORGANIZATIONS[..n].iter().any(|(key, ..)| *key == parent))
            );
        }
        assert!(
            TEAMS.iter().all(|(_, _, organization)| ORGANIZATIONS
                .iter()
                .any(|(key, ..)| key == organization))
        );
        assert!(
            PRODUCTS
                .iter()
                .flat_map(|(_, _, courses)| *courses)
                .all(|course| COURSES.iter().any(|(key, ..)| key == course))
        );
    }
}
