//! Groups of the LMS, and which teams they are kept equal with.

use maud::{Markup, Render, html};
use serde_json::{Value as JsonValue, json};

use super::desk::{Desk, Shown, fault, faults, read, summary};
use super::look::{count, team_href};
use super::users::{pager, team_choices};
use crate::access::Permission;
use crate::dashboard::components::{
    Avatar, Badge, Button, Callout, Card, Cell, Column, CopyField, EmptyState, Facts, Field,
    FilterBar, Menu, Row, Table, Tone, day, number, split,
};
use crate::dashboard::form::FieldErrors;
use crate::dashboard::icons::Icon;
use crate::dashboard::layout::Page;
use crate::db::{Batch, Pair, Row as _};
use crate::error::Result;
use crate::params;
use crate::records;
use crate::resources::Team;
use crate::resources::group::{Group, GroupPatch, NewGroup};
use crate::resources::group_team::{self, Direction, GroupTeam};
use crate::types::{ExternalId, Ref};

/// Value and label of each direction.
const DIRECTIONS: [(&str, &str); 4] = [
    ("to_lms", "From the team to the group"),
    ("from_lms", "From the group to the team"),
    ("bidirectional", "Both ways"),
    ("disabled", "Neither way for now"),
];

fn href(group: &Group) -> String {
    format!("/dashboard/groups/{}", group.id)
}

fn actions(desk: &Desk) -> Markup {
    html! {
        @if desk.may_in_account(Permission::GroupsWrite) {
            (Button::link("New group", "/dashboard/groups/new").primary().icon(Icon::Plus))
        }
    }
}

/// The list.
pub(super) async fn groups(desk: Desk) -> Result<Shown> {
    let list = desk.records::<Group>().await?;
    let url = desk.list("/dashboard/groups");
    let filters = FilterBar::new(url.clone()).search("Search by name");
    let rows = list.rows.iter().map(|group| {
        let name = group.name.as_str();
        let mut menu =
            Menu::new(format!("Actions for {name}")).link(Icon::Eye, "View", &href(group));
        if desk.may_in_account(Permission::GroupsWrite) {
            menu = menu.link(Icon::Edit, "Edit", &format!("{}/edit", href(group)));
        }
        Row::new([
            Cell::record(
                &Avatar::group(name),
                name,
                &href(group),
                group.external_id.as_ref().map(ExternalId::as_str),
            ),
            Cell::text(group.lms_group_id.as_ref().map_or("", |id| id.as_str())),
            Cell::new(number(count(group.team_count))),
            Cell::new(day(group.created_at.to_jiff())),
        ])
        .actions(menu)
    });
    let columns = [
        Column::new("Name").sort(&url, "name"),
        Column::new("Id in the LMS"),
        Column::new("Teams").numeric(),
        Column::new("Created").sort(&url, "created_at"),
    ];
    let empty = if filters.is_active() {
        EmptyState::no_match("/dashboard/groups")
    } else {
        EmptyState::new(
            Icon::Users,
            "No groups yet",
            "A group of the LMS, mapped to the teams whose people belong in it.",
        )
        .actions(actions(&desk))
    };
    let table = Table::new("Groups", columns, rows)
        .empty(empty)
        .pager(pager(&desk, &url, &list));
    let page = Page {
        lead: Some("Groups of the LMS and the teams they are kept equal with.".into()),
        actions: Some(actions(&desk)),
        ..Page::titled("Groups")
    };
    Ok(Shown::page(
        page,
        html! { div.stack { (filters) (off()) (table) } },
    ))
}

fn off() -> Callout {
    Callout::new(Tone::Neutral, "No LMS is connected")
        .body("Mappings are kept as they are set; memberships are carried over in neither direction until one is.")
}

fn fields(desk: &Desk, group: Option<&Group>, errors: Option<&FieldErrors>) -> Markup {
    let stored = group.map(|group| serde_json::to_value(group).unwrap_or_default());
    let value = |name: &str| {
        let found = stored.as_ref().and_then(|stored| stored.get(name));
        desk.shown(name, found.and_then(JsonValue::as_str).unwrap_or_default())
    };
    html! {
        (Field::text("name", "Name").value(value("name")).error(fault(errors, "name")).required().autocomplete("off"))
        (Field::text_area("description", "Description").value(value("description")).error(fault(errors, "description")))
        div.form-row {
            (Field::text("lms_group_id", "Id in the LMS").value(value("lms_group_id")).error(fault(errors, "lms_group_id")).mono())
            (Field::text("external_id", "External id").value(value("external_id")).error(fault(errors, "external_id")).mono().hint("Your own key."))
        }
    }
}

const MEMBERS: [&str; 4] = ["name", "description", "lms_group_id", "external_id"];

fn page(title: &str) -> Page {
    Page {
        crumbs: vec![("Groups".into(), "/dashboard/groups".into())],
        narrow: true,
        ..Page::titled(title)
    }
}

/// The form of a new group.
pub(super) async fn create(desk: Desk) -> Result<Shown> {
    desk.require(Permission::GroupsWrite)?;
    let mut errors = None;
    if desk.is_post() {
        match make(&desk).await {
            Ok(group) => {
                return Ok(Shown::done(
                    href(&group),
                    format!("{} was created.", group.name),
                ));
            }
            Err(error) => errors = Some(faults(error)?),
        }
    }
    let call = desk
        .api("call-group", "POST", "/groups")
        .body(json!({ "name": "Night shift", "lms_group_id": "1201" }))
        .scope("groups:write");
    let form = desk
        .post(
            "/dashboard/groups/new",
            fields(&desk, None, errors.as_ref()),
        )
        .errors(summary(errors.as_ref()))
        .buttons([
            Button::submit("Create group").primary(),
            Button::link("Cancel", "/dashboard/groups").quiet(),
        ])
        .after(call);
    Ok(Shown::form(
        page("New group"),
        errors.as_ref(),
        Card::new(form.render()).render(),
    ))
}

async fn make(desk: &Desk) -> Result<Group> {
    let new: NewGroup = read(&desk.filled(&MEMBERS).into())?;
    let (db, ids, call) = (desk.db(), &desk.app.ids, &desk.call);
    desk.commit(|| records::plan_create::<Group>(db, ids, call, new.clone()))
        .await
}

async fn find(desk: &Desk) -> Result<Group> {
    records::find::<Group>(desk.db(), desk.caller(), &desk.reference(0)?).await
}

/// The form of a group's details.
pub(super) async fn edit(desk: Desk) -> Result<Shown> {
    desk.require(Permission::GroupsWrite)?;
    let group = find(&desk).await?;
    let mut errors = None;
    if desk.is_post() {
        match change(&desk, &group).await {
            Ok(group) => {
                return Ok(Shown::done(
                    href(&group),
                    format!("{} was saved.", group.name),
                ));
            }
            Err(error) => errors = Some(faults(error)?),
        }
    }
    let call = desk
        .api("call-group", "PATCH", &format!("/groups/{}", group.id))
        .body(json!({ "name": group.name }))
        .scope("groups:write");
    let form = desk
        .post(
            format!("{}/edit", href(&group)),
            fields(&desk, Some(&group), errors.as_ref()),
        )
        .errors(summary(errors.as_ref()))
        .buttons([
            Button::submit("Save").primary(),
            Button::link("Cancel", href(&group)).quiet(),
        ])
        .after(call);
    Ok(Shown::form(
        page(group.name.as_str()),
        errors.as_ref(),
        Card::new(form.render()).render(),
    ))
}

async fn change(desk: &Desk, group: &Group) -> Result<Group> {
    let patch: GroupPatch = read(&desk.changed(&MEMBERS).into())?;
    let (db, call, reference) = (desk.db(), &desk.call, Ref::Id(group.id.clone()));
    desk.commit(|| {
        records::plan_change::<Group, _>(db, call, &reference, patch.clone(), |_| Ok(()))
    })
    .await
}

/// One group and its mappings.
pub(super) async fn group(desk: Desk) -> Result<Shown> {
    desk.require(Permission::GroupsRead)?;
    let group = find(&desk).await?;
    let mut batch = Batch::new();
    let mapped = batch.add::<Pair<GroupTeam, (String,)>>(desk.within::<GroupTeam>(
        &format!(
            "SELECT {}, teams.name FROM group_teams JOIN teams ON teams.account_id = $1 AND teams.id = group_teams.team_id \
             WHERE group_teams.account_id = $1 AND group_teams.group_id = $2{{reach}} ORDER BY teams.name_key LIMIT 200",
            GroupTeam::selection()
        ),
        params![group.id.clone()],
    ));
    let choices = batch.add::<(String, String)>(team_choices(&desk));
    let mut rows = desk.db().read(&desk.caller().account, batch).await?;
    let write = desk.may_in_account(Permission::GroupsWrite);
    let mapped = rows.take(&mapped);
    let table_rows = mapped.iter().map(|Pair(mapping, (name,))| {
        let row = Row::new([
            Cell::record(
                &Avatar::group(name).small(),
                name,
                &team_href(mapping.team_id.as_str()),
                None,
            ),
            Cell::new(direction(mapping.direction)),
            Cell::new(Badge::new("Off")),
        ]);
        if !write {
            return row;
        }
        let question = format!("End the mapping to {name}? Memberships stay as they are.");
        let action = format!("{}/teams/{}/remove", href(&group), mapping.team_id);
        row.actions(Menu::new(format!("Actions for {name}")).post(
            Icon::Trash,
            "End the mapping",
            &action,
            &desk.csrf,
            Some(&question),
        ))
    });
    let empty = EmptyState::new(
        Icon::Team,
        "No team is mapped",
        "Map a team, and say which way memberships go.",
    );
    let table = Table::new(
        "Teams",
        ["Team", "Direction", "Sync"].map(Column::new),
        table_rows,
    )
    .empty(empty)
    .plain();
    let facts = Facts::new()
        .text(
            "Id in the LMS",
            group.lms_group_id.as_ref().map_or("", |id| id.as_str()),
        )
        .text(
            "External id",
            group.external_id.as_ref().map_or("", |id| id.as_str()),
        )
        .markup("Created", day(group.created_at.to_jiff()));
    let details = html! {
        div.stack.stack-tight {
            @if let Some(text) = &group.description { p.prose { (text) } }
            (facts)
            (CopyField { label: "Id".into(), value: group.id.to_string() })
        }
    };
    let main = html! { (off()) (Card::new(table.render()).title("Teams").flush()) };
    let aside = html! {
        (Card::new(details).title("Details"))
        @if write { (Card::new(map_form(&desk, &group, rows.take(&choices))).title("Map a team")) }
    };
    let page = Page {
        narrow: false,
        mark: Some(Avatar::group(group.name.as_str()).large().render()),
        actions: Some(html! { @if write {
            (Button::link("Edit", format!("{}/edit", href(&group))).icon(Icon::Edit))
            (Menu::new(format!("More actions for {}", group.name)).post(Icon::Trash, "Delete", &format!("{}/delete", href(&group)), &desk.csrf, Some("Delete the group and its mappings? Teams and their people stay.")))
        } }),
        ..page(group.name.as_str())
    };
    Ok(Shown::page(page, split(&main, &aside)))
}

fn direction(direction: Direction) -> &'static str {
    DIRECTIONS
        .iter()
        .find(|(word, _)| *word == direction.as_str())
        .map_or("", |(_, label)| *label)
}

fn map_form(desk: &Desk, group: &Group, choices: Vec<(String, String)>) -> Markup {
    let call = desk
        .api(
            "call-map",
            "PUT",
            &format!("/groups/{}/teams/ext:engines", group.id),
        )
        .body(json!({ "direction": "to_lms" }))
        .scope("groups:write");
    let fields = html! {
        (Field::select("team", "Team", choices).required())
        (Field::select("direction", "Direction", DIRECTIONS).value("to_lms").required())
    };
    desk.post(format!("{}/teams", href(group)), fields)
        .buttons([Button::submit("Map team")])
        .after(call)
        .render()
}

/// Maps a team, or changes the direction of its mapping.
pub(super) async fn map(desk: Desk) -> Result<Shown> {
    desk.require_post()?;
    let group = find(&desk).await?;
    let team: Ref<Team> =
        Ref::parse(desk.field("team")).map_err(|_| crate::error::Error::not_found("team"))?;
    let direction = Direction::from_word(desk.field("direction")).unwrap_or(Direction::Disabled);
    let (db, ids, call, reference) = (
        desk.db(),
        &desk.app.ids,
        &desk.call,
        Ref::Id(group.id.clone()),
    );
    desk.commit(|| async {
        let (plan, mapping, _) =
            group_team::plan_put(db, ids, call, &reference, &team, direction).await?;
        Ok((plan, mapping))
    })
    .await?;
    Ok(Shown::done(href(&group), "The team is mapped."))
}

/// Ends a mapping.
pub(super) async fn unmap(desk: Desk) -> Result<Shown> {
    desk.require_post()?;
    let group = find(&desk).await?;
    let team: Ref<Team> = desk.reference(1)?;
    let (db, call, reference) = (desk.db(), &desk.call, Ref::Id(group.id.clone()));
    desk.commit(|| async {
        Ok((
            group_team::plan_remove(db, call, &reference, &team).await?,
            (),
        ))
    })
    .await?;
    Ok(Shown::done(href(&group), "The mapping has ended."))
}

/// Deletes a group with its mappings.
pub(super) async fn delete(desk: Desk) -> Result<Shown> {
    desk.require_post()?;
    let group = find(&desk).await?;
    let (db, call, reference) = (desk.db(), &desk.call, Ref::Id(group.id.clone()));
    desk.commit(|| records::plan_delete::<Group, _>(db, call, &reference, |_| Ok(())))
        .await?;
    Ok(Shown::done(
        "/dashboard/groups",
        format!("{} was deleted.", group.name),
    ))
}
