//! Team members: a person in a team, with one role.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Team, User};
use crate::access::Permission;
use crate::access::roles::{MemberRole, MemberRoleRef};
use crate::columns;
use crate::commit;
use crate::db::{Db, FromRow, Reader, Row as _, Select};
use crate::error::Result;
use crate::params;
use crate::resource::{Expand, Field, FieldKind, Record};
use crate::types::text::Language;
use crate::types::{AccountId, Email, ExternalId, Id, Kind, Name, Ref, Timestamp, json_list};

crate::words! {
    /// Who keeps a membership.
    pub enum ManagedBy {
        /// Somebody in the dashboard.
        Manual = "manual",
        /// A program.
        Api = "api",
        /// A provision.
        Provision = "provision",
        /// A self-enrolment link.
        Link = "link",
        /// An invitation that was accepted.
        Invitation = "invitation",
    }
}

/// True of a membership of `team_members` that nobody has changed since the statement began: with it in the condition of a
/// DELETE, the giving of a place at the same moment makes the plan stale, since it counts the membership's version up.
pub fn as_read() -> String {
    let term = commit::as_read("team_members", &["team_id", "user_id"]);
    format!("{term} = 1")
}

/// A person in a team.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Member {
    /// The team.
    pub team_id: Id<Team>,
    /// The person.
    pub user: User,
    /// The role in the team: `owner`, `manager`, `member` or the id of a custom one.
    pub role: MemberRole,
    /// Who keeps the membership.
    pub managed_by: ManagedBy,
    /// Since when.
    pub joined_at: Timestamp,
}

impl FromRow for Member {
    fn from_row(reader: &mut Reader<'_>) -> Result<Self, crate::db::DbError> {
        use crate::db::Column;
        Ok(Self {
            user: User::from_row(reader)?,
            team_id: Column::read(reader)?,
            role: Column::read(reader)?,
            managed_by: Column::read(reader)?,
            joined_at: Column::read(reader)?,
        })
    }
}

/// A membership as lists read it: within one team, where the person's id names it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Membership {
    /// The person.
    pub id: Id<Self>,
    /// The team.
    pub team_id: Id<Team>,
    /// The role.
    pub role: MemberRole,
    /// Who keeps it.
    pub managed_by: ManagedBy,
    /// Since when.
    pub joined_at: Timestamp,
    #[serde(skip)]
    email_key: String,
    #[serde(skip)]
    name_key: String,
    #[serde(skip)]
    family_key: String,
}
columns!(Membership in "members": id, team_id, role, managed_by, joined_at, email_key, name_key, family_key);

impl Kind for Membership {
    const PREFIX: &'static str = "user";
}

impl Record for Membership {
    const KIND: &'static str = "team_member";
    const SUMMARY: &'static str = "A person in a team, with one role.";
    const FIELDS: &'static [Field] = &[
        Field::sorted("joined_at", "joined_at", FieldKind::Time),
        Field::sorted("name", "name_key", FieldKind::Folded),
        Field::filter("role", "role", FieldKind::Text),
        Field::filter(
            "managed_by",
            "managed_by",
            FieldKind::Word(&[
                "manual",
                "api",
                "provision",
                "invitation",
                "link",
                "import",
                "group",
                "scim",
            ]),
        ),
    ];
    const SEARCH: &'static [&'static str] = &["email_key", "name_key", "family_key"];
    const EXPANDS: &'static [Expand] = &[];
    const SOFT_DELETE: bool = false;
    const REACH: Option<&'static str> = Some("members.team_id IN {}");
    const READ: Permission = Permission::TeamsRead;

    fn id(&self) -> &Id<Self> {
        &self.id
    }
}

/// The members behind memberships, in their order: the people are read at once.
pub async fn with_people(
    db: &Db,
    account: &AccountId,
    list: Vec<Membership>,
) -> Result<Vec<Member>> {
    let people = Select::rows::<User>(
        "WHERE account_id = $1 AND id IN (SELECT value FROM JSON_LIST($2) AS wanted)",
        params![json_list(list.iter().map(|one| &one.id))],
    );
    let people: Vec<User> = if list.is_empty() {
        Vec::new()
    } else {
        db.fetch(account, people).await?
    };
    let mut known: std::collections::HashMap<String, User> = people
        .into_iter()
        .map(|user| (user.id.to_string(), user))
        .collect();
    let members = list.into_iter().filter_map(|one| {
        Some(Member {
            team_id: one.team_id,
            user: known.remove(one.id.as_str())?,
            role: one.role,
            managed_by: one.managed_by,
            joined_at: one.joined_at,
        })
    });
    Ok(members.collect())
}

/// A new member: somebody who is known, by `user`, or anybody by `email`, who is made where they are not known.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMember {
    /// Somebody who is known.
    #[serde(default)]
    pub user: Option<Ref<User>>,
    /// The address of somebody who may be new, instead.
    #[serde(default)]
    pub email: Option<Email>,
    /// First name of somebody new; who is known keeps theirs.
    #[serde(default)]
    pub first_name: Option<Name>,
    /// Last name of somebody new.
    #[serde(default)]
    pub last_name: Option<Name>,
    /// Full name of somebody new.
    #[serde(default)]
    pub name: Option<Name>,
    /// Company of somebody new.
    #[serde(default)]
    pub company: Option<Name>,
    /// Your own key of somebody new; who has it already is meant.
    #[serde(default)]
    pub external_id: Option<ExternalId>,
    /// Language of somebody new.
    #[serde(default)]
    pub locale: Option<Language>,
    /// The role; `member` unless said.
    #[serde(default)]
    pub role: Option<MemberRoleRef>,
}

impl NewMember {
    /// Somebody who is known.
    pub fn known(user: Ref<User>, role: Option<MemberRoleRef>) -> Self {
        Self {
            user: Some(user),
            role,
            ..Self::nobody()
        }
    }

    /// Somebody who may be new.
    pub fn described(email: Email, role: Option<MemberRoleRef>) -> Self {
        Self {
            email: Some(email),
            role,
            ..Self::nobody()
        }
    }

    const fn nobody() -> Self {
        Self {
            user: None,
            email: None,
            first_name: None,
            last_name: None,
            name: None,
            company: None,
            external_id: None,
            locale: None,
            role: None,
        }
    }
}

/// A change of a membership.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MemberPatch {
    /// The role.
    pub role: MemberRoleRef,
}

/// Somebody to be removed.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RemovedMember {
    /// The person.
    pub user: Ref<User>,
}

fn select(rest: &str, params: Vec<crate::db::Value>) -> Select {
    Select::new(
        format!(
            "SELECT {}, m.team_id, m.role, m.managed_by, m.joined_at FROM team_members m JOIN users ON users.account_id = $1 AND users.id = m.user_id \
             WHERE m.account_id = $1 AND m.team_id = $2 {rest}",
            User::selection()
        ),
        params,
    )
}

/// The members of a team who joined first, in the order of joining.
pub fn first_members_of(team: &Id<Team>, limit: i64) -> Select {
    select(
        "ORDER BY m.joined_at, m.user_id LIMIT $3",
        params![team.clone(), limit],
    )
}

/// One member of a team.
pub fn member_of(team: &Id<Team>, user: &Id<User>) -> Select {
    select("AND m.user_id = $3", params![team.clone(), user.clone()])
}
