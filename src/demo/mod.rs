//! A made-up training company, to look around in: made by the same functions that serve the API, so that it has its
//! events, its audit trail and its rules like any other.

mod data;
mod doors;
mod organizations;

use futures::stream::{self, StreamExt, TryStreamExt};
use serde::de::DeserializeOwned;
use serde_json::{Value as JsonValue, json};

use crate::access::Call;
use crate::app::App;
use crate::commerce::CatalogItem;
use crate::commerce::account::Owner;
use crate::commerce::credits::{self, CreditsInput};
use crate::commerce::orders::input::NewOrder;
use crate::commerce::orders::place::plan_create;
use crate::commit::commit;
use crate::db::Statement;
use crate::error::{Error, Result};
use crate::provisioning;
use crate::records;
use crate::resource::Resource;
use crate::resources::course::Course;
use crate::resources::organization::{self, NewOrganization, Organization};
use crate::resources::product::Product;
use crate::resources::team::Team;
use crate::resources::user::User;
use crate::seats::actions;
use crate::seats::seat::NewSeat;
use crate::types::Ref;
use data::{
    COURSES, CREDITS, FIRST_NAMES, ITEMS, LAST_NAMES, ORGANIZATIONS, PRODUCTS, PURCHASES, SEATS,
    SHOP, TEAMS,
};

/// People of the demo.
pub const PEOPLE: usize = 250;

/// Over so many days before the present the demo's people have joined.
const DAYS: i64 = 30;

/// So many people are provisioned at once.
const AT_ONCE: usize = 16;

/// Fills an empty account with the demo's customers, teams, courses, products, seats and people. What is cut off half-way
/// stays half made: begin again in an empty account.
pub async fn fill(app: &App, call: &Call) -> Result<()> {
    let begin = &Call {
        now: call.now.plus_days(-DAYS),
        ..call.clone()
    };
    for (key, name, parent) in ORGANIZATIONS {
        let parent = parent.map(|parent| format!("ext:{parent}"));
        let new: NewOrganization =
            read(&json!({ "name": name, "external_id": key, "parent": parent }))?;
        let plan = || organization::plan_create(&app.db, &app.ids, begin, new.clone());
        commit(&app.db, &app.ids, begin, plan).await?;
    }
    for (key, name, organization) in TEAMS {
        make::<Team>(app, begin, json!({ "name": name, "external_id": key, "organization": format!("ext:{organization}") })).await?;
    }
    organizations::set(app, begin).await?;
    for (key, name, chapters) in COURSES {
        make::<Course>(
            app,
            begin,
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
            begin,
            json!({ "name": name, "external_id": key, "courses": courses }),
        )
        .await?;
    }
    for (team, product, quantity, days) in SEATS {
        let mut seat = json!({ "product": format!("ext:{product}"), "teams": [format!("ext:{team}")], "unlimited": quantity.is_none() });
        if let (Some(members), Some(quantity)) = (seat.as_object_mut(), quantity) {
            members.insert("quantity".to_owned(), quantity.into());
        }
        if let (Some(members), Some(days)) = (seat.as_object_mut(), days) {
            members.insert("expires_in_days".to_owned(), days.into());
        }
        let new: NewSeat = read(&seat)?;
        commit(&app.db, &app.ids, begin, || {
            actions::plan_create(&app.db, &app.ids, begin, new.clone())
        })
        .await?;
    }
    sell(app, call).await?;
    stream::iter(0..PEOPLE)
        .map(|n| join(app, call, n))
        .buffer_unordered(AT_ONCE)
        .try_collect::<()>()
        .await?;
    organizations::name_admins(app, call).await?;
    doors::make(app, call).await?;
    // Levels that were reached in these days are past: nobody is told of them today.
    let past = "UPDATE seats SET watched_at = ledger_at WHERE account_id = $1";
    let past = vec![Statement::new(past, Vec::new())];
    app.db.write(call.account(), past).await?;
    Ok(())
}

/// The catalog, the customers' credits, and what was bought: with credits, and in a shop.
async fn sell(app: &App, call: &Call) -> Result<()> {
    let on = |days: i64| Call {
        now: call.now.plus_days(-days),
        ..call.clone()
    };
    let begin = on(DAYS);
    for (key, name, product, quantity, credits, cents) in ITEMS {
        let item = json!({
            "name": name, "external_id": key, "product": format!("ext:{product}"), "quantity": quantity, "price_credits": credits,
            "price_amount": cents, "currency": "EUR", "status": "published", "terms": { "expires_in_days": 365 },
        });
        make::<CatalogItem>(app, &begin, item).await?;
    }
    for (key, amount, invoice) in CREDITS {
        let node = Ref::<Organization>::parse(&format!("ext:{key}")).map_err(Error::internal)?;
        let node = records::find(&app.db, &begin.caller, &node).await?;
        let owner = Owner::Organization(node.id);
        let input: CreditsInput = read(&json!({ "amount": amount, "reference": invoice }))?;
        commit(&app.db, &app.ids, &begin, || {
            credits::plan_move(&app.db, &app.ids, &begin, &owner, &input)
        })
        .await?;
    }
    for (team, item, packs, ago) in PURCHASES {
        let order = json!({ "team": format!("ext:{team}"), "source": "catalog", "payment": "credits", "lines": [{ "item": format!("ext:{item}"), "quantity": packs }] });
        place(app, &on(ago), &order).await?;
    }
    for (number, team, product, places, cents, ago) in SHOP {
        let line =
            json!({ "product": format!("ext:{product}"), "quantity": places, "amount": cents });
        let order = json!({ "team": format!("ext:{team}"), "source": "shop", "external_reference": number, "currency": "EUR", "fulfil": true, "lines": [line] });
        place(app, &on(ago), &order).await?;
    }
    // One that nobody could fulfil: the organization has no default team yet.
    let line = json!({ "item": "ext:awareness-20" });
    let order = json!({ "organization": "ext:northwind-nl", "source": "shop", "external_reference": "10512", "fulfil": true, "lines": [line] });
    place(app, &on(0), &order).await
}

async fn place(app: &App, call: &Call, order: &JsonValue) -> Result<()> {
    let new: NewOrder = read(order)?;
    let plan = || async {
        let placed = plan_create(&app.db, &app.ids, call, &new).await?;
        Ok((placed.plan, ()))
    };
    commit(&app.db, &app.ids, call, plan).await?;
    Ok(())
}

/// The nth person joins, on a day of their own: half of them have been here since, and the last get a welcome mail.
async fn join(app: &App, call: &Call, n: usize) -> Result<()> {
    let ago =
        DAYS * 86_400 * i64::try_from(PEOPLE - n).unwrap_or(0) / i64::try_from(PEOPLE).unwrap_or(1);
    let then = &Call {
        now: call.now.plus_seconds(-ago),
        ..call.clone()
    };
    let (team, ..) = TEAMS.get(n % TEAMS.len()).copied().unwrap_or_default();
    let mut wanted: Vec<_> = SEATS
        .iter()
        .filter(|(of, ..)| *of == team)
        .map(|(_, product, ..)| *product)
        .collect();
    wanted.truncate(if n.is_multiple_of(3) { 2 } else { 1 });
    let role = match n / TEAMS.len() {
        0 => "owner",
        1 => "manager",
        _ => "member",
    };
    let seats: Vec<_> = wanted
        .iter()
        .map(|product| json!({ "product": format!("ext:{product}"), "if_full": "waitlist" }))
        .collect();
    let body = json!({
        "user": person(n),
        "team": { "strategy": "specific", "id": format!("ext:{team}"), "role": role },
        "seats": seats,
        "welcome_email": n + 6 >= PEOPLE,
    });
    let (request, _) = provisioning::read(&body)?;
    commit(&app.db, &app.ids, then, || {
        provisioning::plan(&app.db, &app.ids, then, &request)
    })
    .await?;
    if n.is_multiple_of(2) && n + 6 < PEOPLE {
        let later = &Call {
            now: then.now.plus_seconds(ago.min(9_000)),
            ..then.clone()
        };
        let user = Ref::<User>::parse(&format!("ext:crm-{}", 1000 + n)).map_err(Error::internal)?;
        let plan = || async {
            records::plan_change(
                &app.db,
                later,
                &user,
                read(&json!({ "status": "active" }))?,
                |_| Ok(()),
            )
            .await
        };
        commit(&app.db, &app.ids, later, plan).await?;
    }
    Ok(())
}

/// The nth person: no two have the same name, and the companies take turns.
fn person(n: usize) -> JsonValue {
    let pick =
        |list: &[&'static str], n: usize| list.get(n % list.len()).copied().unwrap_or_default();
    let first = pick(&FIRST_NAMES, n);
    let last = pick(&LAST_NAMES, n + n / FIRST_NAMES.len());
    let (.., organization) = TEAMS.get(n % TEAMS.len()).copied().unwrap_or_default();
    let company = ORGANIZATIONS
        .iter()
        .find(|(key, ..)| *key == organization)
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
        let is_organization = |key| ORGANIZATIONS.iter().any(|(one, ..)| *one == key);
        assert!(
            data::DOMAINS
                .iter()
                .all(|(_, key, _)| is_organization(*key))
        );
        assert!(data::ADMINS.iter().all(|(_, key)| is_organization(*key)));
        assert!(data::SET.iter().all(|(key, _)| is_organization(*key)));
        let is_team = |key| TEAMS.iter().any(|(team, ..)| *team == key);
        let is_product = |key| PRODUCTS.iter().any(|(product, ..)| *product == key);
        assert!(
            SEATS
                .iter()
                .all(|(team, product, ..)| is_team(*team) && is_product(*product))
        );
        assert!(ITEMS.iter().all(|(_, _, product, ..)| is_product(*product)));
        let is_item = |key| ITEMS.iter().any(|(item, ..)| *item == key);
        assert!(
            PURCHASES
                .iter()
                .all(|(team, item, ..)| is_team(*team) && is_item(*item))
        );
        assert!(
            SHOP.iter()
                .all(|(_, team, product, ..)| is_team(*team) && is_product(*product))
        );
        assert!(
            PRODUCTS
                .iter()
                .flat_map(|(_, _, courses)| *courses)
                .all(|course| COURSES.iter().any(|(key, ..)| key == course))
        );
    }
}
