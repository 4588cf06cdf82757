//! Invitations and links of the demo: some open, one taken back, one whose time is over, and people who wait for a decision.

use serde_json::json;

use super::data::SEATS;
use super::read;
use crate::access::Call;
use crate::access::offers::join_url;
use crate::access::sessions::Origin;
use crate::app::App;
use crate::commit::commit;
use crate::db::Select;
use crate::error::{Error, Result};
use crate::invitations::{again, invite};
use crate::joining::{ask, confirm, manage};
use crate::locale::Locale;
use crate::params;
use crate::types::{Email, Name, Ref};

/// Invitations: name, team, role, so many days ago, and whether it was taken back.
const INVITED: [(&str, &str, &str, i64, bool); 5] = [
    ("Sofia Marchetti", "northwind-drivers", "member", 1, false),
    ("Tomasz Zielinski", "northwind-drivers", "manager", 2, false),
    ("Amara Diallo", "halden-nursing", "member", 4, false),
    ("Jonas Lindqvist", "lumen-it", "member", 9, false),
    ("Priya Raman", "lumen-claims", "member", 3, true),
];

/// Links: external id, name, team, people at most, whether somebody decides.
const LINKS: [(&str, &str, &str, i64, bool); 2] = [
    (
        "canteen",
        "Poster in the canteen",
        "brightwater-apprentices",
        50,
        false,
    ),
    (
        "night-shift",
        "Night shift, by request",
        "halden-nursing",
        20,
        true,
    ),
];

/// Those who wait for a decision on the last link.
const WAITING: [&str; 2] = ["Ines Carvalho", "Mateo Ruiz"];

fn address(name: &str) -> String {
    format!("{}@demo.example", name.to_lowercase().replace(' ', "."))
}

/// Makes them.
pub(super) async fn make(app: &App, call: &Call) -> Result<()> {
    for (name, team, role, days, is_revoked) in INVITED {
        let then = &Call {
            now: call.now.plus_days(-days),
            ..call.clone()
        };
        let products: Vec<String> = SEATS
            .iter()
            .filter(|(of, ..)| *of == team)
            .map(|(_, product, ..)| format!("ext:{product}"))
            .take(1)
            .collect();
        let new = read(&json!({
            "email": address(name), "name": name, "team": format!("ext:{team}"), "role": role, "products": products, "if_full": "waitlist",
        }))?;
        let made = commit(&app.db, &app.ids, then, || async {
            let (plan, made, _) = invite::plan_invite(&app.db, &app.ids, then, &new).await?;
            Ok((plan, made))
        })
        .await?;
        if is_revoked {
            let reference = Ref::Id(made.value.id);
            commit(&app.db, &app.ids, call, || {
                again::plan_revoke(&app.db, &app.ids, call, &reference)
            })
            .await?;
        }
    }
    for (key, name, team, most, decides) in LINKS {
        let body = json!({
            "name": name, "external_id": key, "team": format!("ext:{team}"), "max_uses": most, "requires_approval": decides,
        });
        let made = commit(&app.db, &app.ids, call, || async {
            manage::plan_create(&app.db, &app.ids, call, read(&body)?).await
        })
        .await?;
        if decides {
            for name in WAITING {
                wait(app, call, made.value.slug.as_str(), name).await?;
            }
        }
    }
    Ok(())
}

/// Somebody asks to join and confirms their address.
async fn wait(app: &App, call: &Call, slug: &str, name: &str) -> Result<()> {
    let from = Origin {
        address: None,
        agent: None,
        request_id: call.request_id.clone(),
    };
    let email = Email::parse(&address(name)).map_err(Error::internal)?;
    let shown = Name::parse(name).map_err(Error::internal)?;
    let locale = Locale::english();
    ask::ask(app, slug, &email, Some(&shown), &locale, &from, call.now).await?;
    let asked = Select::new(
        "SELECT id FROM link_requests WHERE account_id = $1 AND email_key = $2",
        params![email.key()],
    );
    let asked = app.db.first::<(String,)>(call.account(), asked).await?;
    let (id,) = asked.ok_or_else(|| Error::internal("a request of the demo is not there"))?;
    let url = join_url(app, call.account(), &id);
    let token = url.rsplit('/').next().unwrap_or_default();
    confirm::confirm(app, token, None, None, &from, call.now).await?;
    Ok(())
}
