//! Ways in for a person: a sign-in link to copy, and the welcome mail once more.

use maud::{Render, html};
use serde_json::json;

use super::desk::{Desk, Shown};
use super::look::user_href;
use super::person_edit::page;
use crate::access::Permission;
use crate::access::grants::require_rights;
use crate::access::links::{self, LinkPurpose};
use crate::access::rights::{self, Rights};
use crate::dashboard::components::{Button, Callout, Card, Secret, Tone};
use crate::dashboard::icons::Icon;
use crate::db::{Batch, Select};
use crate::email::TemplateKind;
use crate::email::outbox::{self, NewMail};
use crate::error::{Code, Error, Result};
use crate::events::{Event, Plan};
use crate::locale::Locale;
use crate::params;
use crate::records;
use crate::resources::User;
use crate::resources::user::UserStatus;
use crate::types::Timestamp;

/// A person to whom this visitor may open the door, with the names of their first team and products.
async fn find(
    desk: &Desk,
) -> Result<(
    User,
    Option<String>,
    Vec<(String, Option<Timestamp>)>,
    String,
)> {
    desk.require(Permission::UsersWrite)?;
    desk.require(Permission::MailsRead)?;
    let user = records::find::<User>(desk.db(), desk.caller(), &desk.reference(0)?).await?;
    let id = || params![user.id.clone()];
    let mut batch = Batch::new();
    let roles = rights::ask(&mut batch, "$2", &id());
    let teams = batch.add::<(String,)>(Select::new(
        "SELECT t.name FROM team_members m JOIN teams t ON t.account_id = $1 AND t.id = m.team_id WHERE m.account_id = $1 AND m.user_id = $2 ORDER BY m.joined_at LIMIT 1",
        id(),
    ));
    let products = batch.add::<(String, Option<Timestamp>)>(Select::new(
        "SELECT p.name, a.expires_at FROM seat_assignments a JOIN products p ON p.account_id = $1 AND p.id = a.product_id \
         WHERE a.account_id = $1 AND a.user_id = $2 AND a.state = 'active' ORDER BY a.id LIMIT 20",
        id(),
    ));
    let locale = batch.add::<(String,)>(Select::new(
        "SELECT locale FROM accounts WHERE account_id = $1",
        params![],
    ));
    let mut rows = desk.db().read(&desk.caller().account, batch).await?;
    // Whoever makes a link could use it: nobody opens a door to more than they hold themselves.
    let held = Rights::of(&roles.take(&mut rows));
    require_rights(desk.caller(), &held)?;
    if user.status == UserStatus::Deactivated {
        return Err(Error::new(
            Code::StateConflict,
            "This person is deactivated and cannot sign in. Activate them first.",
        ));
    }
    let team = rows.first(&teams).map(|(name,)| name);
    let locale = rows.first(&locale).map_or_else(String::new, |(tag,)| tag);
    Ok((user, team, rows.take(&products), locale))
}

/// Makes a sign-in link and shows it once.
pub(super) async fn sign_in_link(desk: Desk) -> Result<Shown> {
    let (user, ..) = find(&desk).await?;
    let href = user_href(user.id.as_str());
    let page = page(&user, "Sign-in link");
    if !desk.is_post() {
        let body = Callout::new(Tone::Warning, format!("Whoever has the link is {} for us", user.display_name()))
            .body("It signs in once and is good for an hour. Give it to nobody else. That it was made stands on the timeline, with your name.")
            .render();
        let form = desk.post(format!("{href}/sign-in-link"), body).buttons([
            Button::submit("Make a link").primary().icon(Icon::Link),
            Button::link("Cancel", href).quiet(),
        ]);
        return Ok(Shown::page(page, Card::new(form.render()).render()));
    }
    let (ids, now) = (&desk.app.ids, desk.call.now);
    let made = desk
        .commit(|| async {
            let (link, writes) = links::new_link(ids, now, user.id.as_str(), LinkPurpose::SignIn);
            let mut plan = Plan::new("sign_in_link.create");
            plan.write_all(writes);
            let data = json!({ "user_id": user.id });
            plan.event(Event::new("sign_in_link.created", &link, data).user(&user.id));
            Ok((plan, link))
        })
        .await?;
    let body = html! {
        div.stack {
            (Secret {
                title: format!("Link for {}", user.display_name()),
                text: "It signs in once, within an hour. Copy it now; a new one ends this one.".into(),
                value: links::url(&desk.app, &desk.caller().account, made.as_str()),
            })
            div.row { (Button::link("Back to the person", href)) }
        }
    };
    Ok(Shown::page(page, body))
}

/// Sends the welcome mail once more, with a new link.
pub(super) async fn welcome(desk: Desk) -> Result<Shown> {
    let (user, team, products, locale) = find(&desk).await?;
    let href = user_href(user.id.as_str());
    if !desk.is_post() {
        let body = Callout::new(Tone::Neutral, format!("{} gets the welcome mail again", user.display_name()))
            .body("It says what is open to them and has a new sign-in link for seven days. The link of an earlier welcome mail ends.")
            .render();
        let form = desk.post(format!("{href}/welcome"), body).buttons([
            Button::submit("Send welcome mail")
                .primary()
                .icon(Icon::Mail),
            Button::link("Cancel", href).quiet(),
        ]);
        let page = page(&user, "Send welcome mail");
        return Ok(Shown::page(page, Card::new(form.render()).render()));
    }
    let (ids, now) = (&desk.app.ids, desk.call.now);
    let products: Vec<_> = products
        .into_iter()
        .map(|(name, ends)| json!({ "name": name, "courses": [], "ends_at": ends }))
        .collect();
    let own = user
        .locale
        .as_ref()
        .map_or(locale.as_str(), |tag| tag.as_str());
    let locale = Locale::parse(own).unwrap_or_else(|_| Locale::english());
    desk.commit(|| async {
        let (link, writes) = links::new_link(ids, now, user.id.as_str(), LinkPurpose::Welcome);
        let mut plan = Plan::new("welcome_mail.send");
        plan.write_all(writes);
        let mail = NewMail {
            kind: TemplateKind::Welcome,
            user_id: Some(user.id.to_string()),
            to: user.email.clone(),
            locale: locale.clone(),
            context: json!({ "organization": null, "inviter": desk.caller().actor.name.as_ref(), "team": team, "products": products }),
            once_key: None,
            link_id: Some(link.to_string()),
            provision_id: None,
        };
        outbox::queue(&mut plan, ids, now, mail);
        Ok((plan, ()))
    })
    .await?;
    Ok(Shown::done(
        href,
        format!("The welcome mail to {} is on its way.", user.email),
    ))
}
