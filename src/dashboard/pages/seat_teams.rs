//! Where the places of a seat are: the teams that hold it, and places that move to another team.

use maud::{Markup, Render, html};
use serde_json::{Value as JsonValue, json};

use super::desk::{Desk, Shown, fault, faults, read};
use super::look::{count, link, seat_href, team_href};
use super::provision::with_none;
use super::seat::{action_form, page_of};
use super::seat_edit::whole;
use super::users::team_choices;
use crate::access::Permission;
use crate::dashboard::components::{
    Button, Callout, Card, Cell, Checkbox, Column, Field, Row, Table, Tone, counted, number,
};
use crate::dashboard::form::FieldErrors;
use crate::dashboard::icons::Icon;
use crate::dashboard::layout::Page;
use crate::db::{Batch, Select};
use crate::error::Result;
use crate::params;
use crate::records;
use crate::seats::Seat;
use crate::seats::relocation::{MoveInput, SeatsMoved, plan_move};
use crate::seats::sharing::{ShareInput, UnshareInput, plan_share, plan_unshare};
use crate::types::Ref;

/// The three forms, by the last word of their address.
const MOVE: &str = "move";
const SHARE: &str = "share";
const UNSHARE: &str = "unshare";

/// A team that holds the seat: id, name, places in use for it, people who wait.
type Holder = (String, String, i64, i64);

struct Scene {
    seat: Seat,
    product: String,
    holders: Vec<Holder>,
    /// Teams that do not hold it.
    others: Vec<(String, String)>,
}

async fn scene(desk: &Desk) -> Result<Scene> {
    desk.require(Permission::SeatsWrite)?;
    let seat = records::find::<Seat>(desk.db(), desk.caller(), &desk.reference(0)?).await?;
    let mut batch = Batch::new();
    let product = batch.add::<(String,)>(Select::new(
        "SELECT name FROM products WHERE account_id = $1 AND id = $2",
        params![seat.product_id.clone()],
    ));
    let holders = batch.add::<Holder>(Select::new(
        "SELECT t.id, t.name, CAST(coalesce(sum(CASE WHEN a.state IN ('active', 'reserved') THEN 1 ELSE 0 END), 0) AS BIGINT), \
         CAST(coalesce(sum(CASE WHEN a.state = 'waitlisted' THEN 1 ELSE 0 END), 0) AS BIGINT) \
         FROM seat_teams s JOIN teams t ON t.account_id = $1 AND t.id = s.team_id \
         LEFT JOIN seat_assignments a ON a.account_id = $1 AND a.seat_id = $2 AND a.team_id = s.team_id \
         WHERE s.account_id = $1 AND s.seat_id = $2 GROUP BY t.id, t.name, t.name_key ORDER BY t.name_key, t.id",
        params![seat.id.clone()],
    ));
    let teams = batch.add::<(String, String)>(team_choices(desk));
    let mut rows = desk.db().read(&desk.caller().account, batch).await?;
    let holds = |id: &str| seat.team_ids.0.iter().any(|team| team.as_str() == id);
    let teams = rows.take(&teams).into_iter();
    Ok(Scene {
        product: rows
            .first(&product)
            .map_or_else(String::new, |(name,)| name),
        holders: rows.take(&holders),
        others: teams.filter(|(id, _)| !holds(id)).collect(),
        seat,
    })
}

impl Scene {
    fn href(&self) -> String {
        seat_href(self.seat.id.as_str())
    }

    fn reference(&self) -> Ref<Seat> {
        Ref::Id(self.seat.id.clone())
    }

    /// The form of an action with the call it makes.
    fn form(
        &self,
        desk: &Desk,
        action: &str,
        (fields, button): (Markup, Button),
        body: JsonValue,
        errors: Option<&FieldErrors>,
    ) -> Markup {
        let action = (action, "seats:write");
        action_form(desk, &self.seat, action, fields, body, errors)
            .buttons([button])
            .render()
    }
}

/// The page, and what its forms do.
pub(super) async fn teams(desk: Desk) -> Result<Shown> {
    let scene = scene(&desk).await?;
    Ok(shown(&desk, &scene, None))
}

/// Which form came back, and what is wrong with it.
type Wrong<'a> = Option<(&'static str, &'a FieldErrors)>;

fn shown(desk: &Desk, scene: &Scene, wrong: Wrong<'_>) -> Shown {
    let of = |form: &str| {
        wrong
            .filter(|(name, _)| *name == form)
            .map(|(_, errors)| errors)
    };
    let page = Page {
        lead: Some(
            "Share the seat with further teams, or give another team places of its own.".into(),
        ),
        ..page_of(&scene.product, &scene.seat, "Teams and places")
    };
    let body = html! {
        div.stack {
            (holders(desk, scene, of(UNSHARE)))
            (sharing(desk, scene, of(SHARE)))
            (moving(desk, scene, of(MOVE)))
        }
    };
    Shown::form(page, wrong.map(|(_, errors)| errors), body)
}

fn holders(desk: &Desk, scene: &Scene, errors: Option<&FieldErrors>) -> Markup {
    let is_shared = scene.holders.len() > 1;
    let rows = scene.holders.iter().map(|(id, name, used, waiting)| {
        let row = Row::new([
            Cell::new(link(&team_href(id), name)),
            Cell::new(number(count(*used))),
            Cell::new(number(count(*waiting))),
        ]);
        if !is_shared {
            return row;
        }
        let fields = html! {
            (Button::submit("Stop sharing").small().confirm(format!("Shall {name} hold this seat no more?")))
        };
        let form = desk
            .post(format!("{}/{UNSHARE}", scene.href()), fields)
            .hidden("team", id.as_str());
        row.actions(form)
    });
    let heads = [
        Column::new("Team"),
        Column::new("In use").numeric(),
        Column::new("Waiting").numeric(),
    ];
    let failed = errors.map(|errors| {
        let texts: Vec<String> = errors.plain().into_iter().map(|(_, text)| text).collect();
        let fields = html! {
            (Callout::new(Tone::Danger, texts.join(" ")))
            (Checkbox { name: "revoke".into(), value: "true".into(), label: "Take their places back".into(), hint: Some("Who is in another team that shares the seat keeps theirs.".into()), ..Checkbox::default() })
        };
        let team = desk.field("team").to_owned();
        let body = json!({ "team": team, "on_holders": "revoke" });
        let button = Button::submit("Stop sharing").danger();
        let form = scene.form(desk, UNSHARE, (html! { (fields) input type="hidden" name="team" value=(team); }, button), body, None);
        Card::new(form).render()
    });
    html! {
        (Card::new(Table::new("Teams", heads, rows).plain().render()).title("Held by").flush())
        @if let Some(failed) = failed { (failed) }
    }
}

fn sharing(desk: &Desk, scene: &Scene, errors: Option<&FieldErrors>) -> Card {
    let field = Field::select("team", "Team", with_none("Choose a team", &scene.others))
        .value(if errors.is_some() {
            desk.field("team")
        } else {
            ""
        })
        .error(fault(errors, "team"))
        .required()
        .hint("Its people draw from the same places.");
    let button = Button::submit("Share").primary().icon(Icon::Team);
    let body = json!({ "team": "ext:drivers" });
    let form = scene.form(desk, SHARE, (html! { (field) }, button), body, errors);
    Card::new(form).title("Share with a team")
}

fn moving(desk: &Desk, scene: &Scene, errors: Option<&FieldErrors>) -> Card {
    let Some(available) = scene.seat.available else {
        let text = "This seat is unlimited, so there is nothing to count over: share it instead.";
        return Card::new(Callout::new(Tone::Neutral, text).render()).title("Move places");
    };
    let free = counted(count(available), "place is free", "places are free");
    let fields = html! {
        (Field::select("to_team", "To team", with_none("Choose a team", &scene.others)).value(desk.field("to_team")).error(fault(errors, "to_team")).required())
        (Field::number("quantity", "Places").value(desk.field("quantity")).error(fault(errors, "quantity")).required().hint(format!("{free}. Where the team has no seat of the product, one is made under the same terms.")))
        (Checkbox { name: "with_holders".into(), value: "true".into(), label: "People who are in both teams go along".into(), hint: Some("Their places move first, with their ends.".into()), checked: desk.ticked("with_holders", false), ..Checkbox::default() })
    };
    let button = Button::submit("Move places").primary();
    let body = json!({ "to_team": "ext:drivers", "quantity": 5 });
    let form = scene.form(desk, MOVE, (fields, button), body, errors);
    Card::new(form).title("Move places")
}

/// Moves places to another team.
pub(super) async fn relocate(desk: Desk) -> Result<Shown> {
    desk.require_post()?;
    let scene = scene(&desk).await?;
    match carry_over(&desk, &scene).await {
        Ok(moved) => {
            let places = counted(count(moved.moved), "place has moved", "places have moved");
            Ok(Shown::done(
                seat_href(moved.to.id.as_str()),
                format!("{places} here."),
            ))
        }
        Err(error) => Ok(shown(&desk, &scene, Some((MOVE, &faults(error)?)))),
    }
}

async fn carry_over(desk: &Desk, scene: &Scene) -> Result<SeatsMoved> {
    let mut body = desk.filled(&["to_team"]);
    if !desk.field("quantity").is_empty() {
        body.insert("quantity".into(), whole(desk.field("quantity")));
    }
    let goes_along = !desk.field("with_holders").is_empty();
    body.insert("with_holders".into(), json!(goes_along));
    let input: MoveInput = read(&body.into())?;
    let (db, ids, call, seat) = (desk.db(), &desk.app.ids, &desk.call, scene.reference());
    desk.commit(|| plan_move(db, ids, call, &seat, &input))
        .await
}

/// Shares the seat with a team.
pub(super) async fn share(desk: Desk) -> Result<Shown> {
    desk.require_post()?;
    let scene = scene(&desk).await?;
    let done: Result<_> = async {
        let input: ShareInput = read(&desk.filled(&["team"]).into())?;
        let (db, ids, call, seat) = (desk.db(), &desk.app.ids, &desk.call, scene.reference());
        desk.commit(|| plan_share(db, ids, call, &seat, &input))
            .await
    }
    .await;
    match done {
        Ok(_) => Ok(Shown::done(
            format!("{}/teams", scene.href()),
            "The team shares the seat from now on.",
        )),
        Err(error) => Ok(shown(&desk, &scene, Some((SHARE, &faults(error)?)))),
    }
}

/// Ends a team's share of the seat.
pub(super) async fn unshare(desk: Desk) -> Result<Shown> {
    desk.require_post()?;
    let scene = scene(&desk).await?;
    let done: Result<_> = async {
        let mut body = desk.filled(&["team"]);
        if !desk.field("revoke").is_empty() {
            body.insert("on_holders".into(), json!("revoke"));
        }
        let input: UnshareInput = read(&body.into())?;
        let (db, ids, call, seat) = (desk.db(), &desk.app.ids, &desk.call, scene.reference());
        desk.commit(|| plan_unshare(db, ids, call, &seat, &input))
            .await
    }
    .await;
    match done {
        Ok(shared) => {
            let revoked = u64::try_from(shared.revoked.len()).unwrap_or(0);
            let text = if revoked > 0 {
                let lost = counted(
                    revoked,
                    "person has lost a place",
                    "people have lost their places",
                );
                format!("The team holds the seat no more. {lost}.")
            } else {
                "The team holds the seat no more.".to_owned()
            };
            Ok(Shown::done(format!("{}/teams", scene.href()), text))
        }
        Err(error) => Ok(shown(&desk, &scene, Some((UNSHARE, &faults(error)?)))),
    }
}
