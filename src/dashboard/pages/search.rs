//! The search over everything that has a name.

use maud::{Markup, Render, html};

use super::desk::{Desk, Shown};
use super::look::{organization_href, team_href, user_href};
use crate::access::Permission;
use crate::dashboard::components::{Avatar, Card, EmptyState, SearchBox};
use crate::dashboard::icons::Icon;
use crate::dashboard::layout::Page;
use crate::db::{Batch, Select};
use crate::error::Result;
use crate::params;
use crate::resource::Record;
use crate::resources::{Organization, Product, Team, User};
use crate::types::Name;

/// Records of each kind at the most.
const SHOWN: i64 = 10;

/// Id, name, and what stands under it.
type Hit = (String, String, String);

/// The page.
pub(super) async fn search(desk: Desk) -> Result<Shown> {
    desk.require(Permission::UsersRead)?;
    let wanted = Name::parse(desk.get("q")).ok();
    let page = Page::titled("Search");
    let Some(wanted) = wanted else {
        return Ok(Shown::page(page, hint(&desk)));
    };
    let low = wanted.key();
    let mut batch = Batch::new();
    let people = batch.add::<Hit>(select::<User>(
        &desk,
        "coalesce(users.name, users.email), users.email",
        &low,
    ));
    let teams = batch.add::<Hit>(select::<Team>(
        &desk,
        "teams.name, coalesce((SELECT o.name FROM organizations o WHERE o.account_id = $1 AND o.id = teams.organization_id), '')",
        &low,
    ));
    let organizations = batch.add::<Hit>(select::<Organization>(
        &desk,
        "organizations.name, coalesce(organizations.external_id, '')",
        &low,
    ));
    let products = batch.add::<Hit>(select::<Product>(
        &desk,
        "products.name, coalesce(products.external_id, '')",
        &low,
    ));
    let mut rows = desk.db().read(&desk.caller().account, batch).await?;
    let groups = [
        group(
            "People",
            "/dashboard/users",
            &low,
            &rows.take(&people),
            Avatar::person,
            user_href,
        ),
        group(
            "Teams",
            "/dashboard/teams",
            &low,
            &rows.take(&teams),
            Avatar::group,
            team_href,
        ),
        group(
            "Organizations",
            "",
            &low,
            &rows.take(&organizations),
            Avatar::group,
            organization_href,
        ),
        group(
            "Products",
            "/dashboard/products",
            &low,
            &rows.take(&products),
            Avatar::group,
            |id| format!("/dashboard/seats?product={id}"),
        ),
    ];
    let found: Vec<Markup> = groups.into_iter().flatten().collect();
    let body = html! {
        div.stack {
            (bar(&desk))
            @if found.is_empty() {
                (Card::new(EmptyState::new(Icon::Search, format!("Nothing begins with «{wanted}»"), "Try the first letters of a name, or of an e-mail address.").render()).flush())
            }
            @for group in &found { (group) }
        }
    };
    Ok(Shown::page(page, body))
}

/// What stands there before anything is searched.
fn hint(desk: &Desk) -> Markup {
    let hint = EmptyState::new(
        Icon::Search,
        "What are you looking for?",
        "People by name or e-mail, teams, organizations and products by name, each by how it begins.",
    );
    html! { div.stack { (bar(desk)) (Card::new(hint.render()).flush()) } }
}

fn bar(desk: &Desk) -> Markup {
    html! {
        form.search method="get" action="/dashboard/search" role="search" aria-label="Search everything" {
            (SearchBox::new("q", "Search people, teams, organizations, products").value(desk.get("q")).id("search-all"))
        }
    }
}

/// The read of records whose searched columns begin with a text; none for a visitor who may not see them.
fn select<R: Record>(desk: &Desk, shown: &str, low: &str) -> Select {
    let conditions: Vec<String> = R::SEARCH
        .iter()
        .map(|column| format!("({0}.{column} >= $2 AND {0}.{column} < $3)", R::TABLE))
        .collect();
    let live = if R::SOFT_DELETE {
        " AND deleted_at IS NULL"
    } else {
        ""
    };
    let limit = if desk.may(R::READ) { SHOWN } else { 0 };
    desk.within::<R>(
        &format!(
            "SELECT {0}.id, {shown} FROM {0} WHERE {0}.account_id = $1 AND ({1}){live}{{reach}} ORDER BY {0}.name_key LIMIT {limit}",
            R::TABLE,
            conditions.join(" OR ")
        ),
        params![low.to_owned(), format!("{low}\u{10ffff}")],
    )
}

fn group(
    title: &str,
    all: &str,
    wanted: &str,
    hits: &[Hit],
    avatar: fn(&str) -> Avatar,
    href: fn(&str) -> String,
) -> Option<Markup> {
    if hits.is_empty() {
        return None;
    }
    let rows = html! {
        ul.rows {
            @for (id, name, under) in hits {
                li {
                    span.person {
                        (avatar(name).small())
                        span { a href=(href(id)) { (name) } @if !under.is_empty() && under != name { span.cell-sub { (under) } } }
                    }
                }
            }
        }
    };
    let is_cut = hits.len() >= usize::try_from(SHOWN).unwrap_or(usize::MAX);
    let query: String = url::form_urlencoded::byte_serialize(wanted.as_bytes()).collect();
    let card = Card::new(rows).title(title);
    let card = if is_cut && !all.is_empty() {
        card.actions(super::look::link(&format!("{all}?q={query}"), "Show all"))
    } else {
        card
    };
    Some(card.render())
}
