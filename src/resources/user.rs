//! People: learners, managers and administrators alike.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::member::as_read;
use super::team::Team;
use crate::access::Permission;
use crate::columns;
use crate::db::Statement;
use crate::error::Result;
use crate::events::Event;
use crate::params;
use crate::resource::{
    Expand, Field, FieldKind, Input, Record, Reference, Resolved, Resource, Stamp, event_of,
};
use crate::types::merge::present;
use crate::types::text::{Language, Zone};
use crate::types::{Email, ExternalId, Id, Kind, Metadata, Name, Patch, Tags, Timestamp};

crate::words! {
    /// Where a person stands.
    pub enum UserStatus {
        /// Known, and has never signed in.
        Invited = "invited",
        /// Has signed in.
        Active = "active",
        /// May not sign in.
        Deactivated = "deactivated",
    }
}

/// A person: learner, manager or administrator in one.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct User {
    /// The person's id.
    pub id: Id<Self>,
    /// The e-mail address as typed; unique in the account without regard to case.
    pub email: Email,
    /// First name.
    pub first_name: Option<Name>,
    /// Last name.
    pub last_name: Option<Name>,
    /// The full name as typed.
    pub name: Option<Name>,
    /// The company the person works for.
    pub company: Option<Name>,
    /// Your own key of the person.
    pub external_id: Option<ExternalId>,
    /// The language of mails and pages, as a BCP 47 tag.
    pub locale: Option<Language>,
    /// The IANA time zone.
    pub timezone: Option<Zone>,
    /// Whether the person has signed in, or may not.
    pub status: UserStatus,
    /// Labels.
    pub tags: Tags,
    /// Your own data.
    pub metadata: Metadata,
    /// The person's id in the LMS.
    pub lms_user_id: Option<String>,
    /// When the person was last here.
    pub last_seen_at: Option<Timestamp>,
    #[serde(skip)]
    pub(crate) version: i64,
    /// When the record was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When the person was put aside: restorable for 30 days from then. Absent for everybody who is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<Timestamp>,
}
columns!(User in "users": id, email, first_name, last_name, name, company, external_id,
    locale, timezone, status, tags, metadata, lms_user_id, last_seen_at, version, created_at, updated_at, deleted_at
    => email_key: |user| user.email.key(), name_key: User::name_key, family_key: User::family_key);

impl Kind for User {
    const PREFIX: &'static str = "user";
}

/// A new person.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    /// The e-mail address.
    pub email: Email,
    /// First name.
    #[serde(default)]
    pub first_name: Option<Name>,
    /// Last name.
    #[serde(default)]
    pub last_name: Option<Name>,
    /// The full name, for those who have only one field; first and last name are taken from it where they are absent.
    #[serde(default)]
    pub name: Option<Name>,
    /// The company the person works for.
    #[serde(default)]
    pub company: Option<Name>,
    /// Your own key of the person.
    #[serde(default)]
    pub external_id: Option<ExternalId>,
    /// The language of mails and pages.
    #[serde(default)]
    pub locale: Option<Language>,
    /// The IANA time zone.
    #[serde(default)]
    pub timezone: Option<Zone>,
    /// Labels.
    #[serde(default)]
    pub tags: Tags,
    /// Your own data.
    #[serde(default)]
    pub metadata: Metadata,
}

/// A change of a person. Absent members stay; `null` empties.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct UserPatch {
    /// The e-mail address.
    #[serde(deserialize_with = "present")]
    #[schemars(with = "Email")]
    pub email: Option<Email>,
    /// First name.
    pub first_name: Patch<Name>,
    /// Last name.
    pub last_name: Patch<Name>,
    /// The full name.
    pub name: Patch<Name>,
    /// The company.
    pub company: Patch<Name>,
    /// Your own key.
    pub external_id: Patch<ExternalId>,
    /// The language.
    pub locale: Patch<Language>,
    /// The time zone.
    pub timezone: Patch<Zone>,
    /// `active` or `deactivated`: whether the person may sign in.
    #[serde(deserialize_with = "present")]
    #[schemars(with = "UserStatus")]
    pub status: Option<UserStatus>,
    /// Labels; replaces all.
    #[serde(deserialize_with = "present")]
    #[schemars(with = "Tags")]
    pub tags: Option<Tags>,
    /// Your own data; replaces all.
    #[serde(deserialize_with = "present")]
    #[schemars(with = "Metadata")]
    pub metadata: Option<Metadata>,
}

impl Input for NewUser {
    fn references(&self) -> Vec<Reference> {
        Vec::new()
    }
}

impl Input for UserPatch {
    fn references(&self) -> Vec<Reference> {
        Vec::new()
    }
}

impl NewUser {
    /// Somebody of whom only the address is known.
    pub fn with_email(email: Email) -> Self {
        Self {
            email,
            first_name: None,
            last_name: None,
            name: None,
            company: None,
            external_id: None,
            locale: None,
            timezone: None,
            tags: Tags::default(),
            metadata: Metadata::default(),
        }
    }
}

impl User {
    /// The name to show: the full one, else the address.
    pub fn display_name(&self) -> &str {
        self.name.as_ref().map_or(self.email.as_str(), Name::as_str)
    }

    /// A new person, not yet written.
    pub fn from_new(new: NewUser, stamp: &Stamp<'_>) -> Self {
        let mut user = Self {
            id: stamp.ids.next(stamp.now),
            email: new.email,
            first_name: new.first_name,
            last_name: new.last_name,
            name: new.name,
            company: new.company,
            external_id: new.external_id,
            locale: new.locale,
            timezone: new.timezone,
            status: UserStatus::Invited,
            tags: new.tags,
            metadata: new.metadata,
            lms_user_id: None,
            last_seen_at: None,
            version: 1,
            created_at: stamp.now,
            updated_at: stamp.now,
            deleted_at: None,
        };
        user.settle_names();
        user
    }

    /// Completes the names from each other and keeps their normalized forms.
    pub(crate) fn settle_names(&mut self) {
        if let (Some(full), None, None) = (&self.name, &self.first_name, &self.last_name) {
            let (first, last) = split_name(full);
            self.first_name = Some(first);
            self.last_name = last;
        }
        if self.name.is_none() {
            let joined = [&self.first_name, &self.last_name]
                .into_iter()
                .flatten()
                .map(Name::as_str)
                .collect::<Vec<_>>()
                .join(" ");
            self.name = Name::parse(&joined.chars().take(200).collect::<String>()).ok();
        }
    }

    /// By what lists of people are ordered by name: the full one, else the address.
    fn name_key(&self) -> String {
        self.name
            .as_ref()
            .map_or_else(|| self.email.key(), Name::key)
    }

    /// By what they are ordered by last name, where there is one.
    fn family_key(&self) -> String {
        self.last_name
            .as_ref()
            .map_or_else(|| self.name_key(), Name::key)
    }
}

/// First and last name of a full one: the last word is the last name, what stands before it the first.
fn split_name(full: &Name) -> (Name, Option<Name>) {
    match full.as_str().rsplit_once(char::is_whitespace) {
        Some((first, last)) => (
            Name::parse(first).unwrap_or_else(|_| full.clone()),
            Name::parse(last).ok(),
        ),
        None => (full.clone(), None),
    }
}

impl Record for User {
    const KIND: &'static str = "user";
    const SUMMARY: &'static str = "A person: learner, manager or administrator in one.";
    const FIELDS: &'static [Field] = &[
        Field::sorted("created_at", "created_at", FieldKind::Time),
        Field::sorted("updated_at", "updated_at", FieldKind::Time),
        Field::sorted("name", "name_key", FieldKind::Folded),
        Field::sorted("last_name", "family_key", FieldKind::Folded),
        Field::sorted("email", "email_key", FieldKind::Folded),
        Field::filter("external_id", "external_id", FieldKind::Text),
        Field::filter(
            "status",
            "status",
            FieldKind::Word(&["invited", "active", "deactivated"]),
        ),
        Field::filter(
            "team",
            "users.id IN (SELECT user_id FROM team_members WHERE account_id = $1 AND team_id {})",
            FieldKind::Reference(Team::PREFIX, "teams"),
        ),
        Field::filter(
            "role",
            "users.id IN (SELECT user_id FROM user_roles WHERE account_id = $1 AND role {})",
            FieldKind::Text,
        ),
    ];
    const SEARCH: &'static [&'static str] = &["email_key", "name_key", "family_key"];
    const EXPANDS: &'static [Expand] = &[];
    const SOFT_DELETE: bool = true;
    const REACH: Option<&'static str> = Some(
        "EXISTS (SELECT 1 FROM team_members m WHERE m.account_id = $1 AND m.user_id = users.id AND m.team_id IN {})",
    );
    const READ: Permission = Permission::UsersRead;
    const ALIASES: Option<&'static str> = Some("user_aliases");

    fn id(&self) -> &Id<Self> {
        &self.id
    }
}

impl Resource for User {
    const WRITE: Permission = Permission::UsersWrite;
    type New = NewUser;
    type Patch = UserPatch;
    fn version(&self) -> i64 {
        self.version
    }

    fn create(new: NewUser, _: &Resolved, stamp: &Stamp<'_>) -> Result<Self> {
        Ok(Self::from_new(new, stamp))
    }

    fn apply(&mut self, patch: UserPatch, _: &Resolved, now: Timestamp) -> Result<()> {
        let names_change = patch.first_name != Patch::Keep || patch.last_name != Patch::Keep;
        let full_changes = patch.name != Patch::Keep;
        if let Some(email) = patch.email {
            self.email = email;
        }
        if full_changes && !names_change {
            self.first_name = None;
            self.last_name = None;
        } else if names_change && !full_changes {
            self.name = None;
        }
        patch.first_name.apply(&mut self.first_name);
        patch.last_name.apply(&mut self.last_name);
        patch.name.apply(&mut self.name);
        patch.company.apply(&mut self.company);
        patch.external_id.apply(&mut self.external_id);
        patch.locale.apply(&mut self.locale);
        patch.timezone.apply(&mut self.timezone);
        self.status = patch.status.unwrap_or(self.status);
        self.tags = patch.tags.unwrap_or_else(|| self.tags.clone());
        self.metadata = patch.metadata.unwrap_or_else(|| self.metadata.clone());
        self.settle_names();
        self.updated_at = now;
        Ok(())
    }

    fn companions(&self, before: Option<&Self>) -> Vec<Statement> {
        let mut list = Vec::new();
        // Whoever may not sign in any more is signed out at once.
        let was = before.map(|before| before.status);
        if self.status == UserStatus::Deactivated && was != Some(UserStatus::Deactivated) {
            list.push(Statement::new(
                "DELETE FROM sessions WHERE account_id = $1 AND user_id = $2",
                params![self.id.to_string()],
            ));
        }
        if let Some(before) = before.filter(|before| before.email.key() != self.email.key()) {
            list.push(Statement::new(
                "INSERT INTO former_addresses (account_id, user_id, email_key, email, ended_at) VALUES ($1, $2, $3, $4, $5) \
                 ON CONFLICT (account_id, user_id, email_key) DO UPDATE SET email = excluded.email, ended_at = excluded.ended_at",
                params![self.id.clone(), before.email.key(), before.email.clone(), self.updated_at],
            ));
        }
        list
    }

    fn farewell(&self, now: Timestamp) -> Vec<Statement> {
        vec![
            // What restoring brings back.
            Statement::new(
                "INSERT INTO former_members (account_id, departed_id, team_id, user_id, role, managed_by, joined_at) \
                 SELECT account_id, user_id, team_id, user_id, role, managed_by, joined_at FROM team_members WHERE account_id = $1 AND user_id = $2",
                params![self.id.to_string()],
            ),
            Statement::new(
                format!(
                    "DELETE FROM team_members WHERE account_id = $1 AND user_id = $2 AND {}",
                    as_read()
                ),
                params![self.id.to_string()],
            ),
            Statement::new(
                "DELETE FROM organization_members WHERE account_id = $1 AND user_id = $2",
                params![self.id.to_string()],
            ),
            Statement::new(
                "UPDATE invitations SET state = 'revoked', ended_at = $3, updated_at = $3, remind_at = NULL, version = version + 1 \
                 WHERE account_id = $1 AND user_id = $2 AND state IN ('queued', 'sent', 'failed')",
                params![self.id.to_string(), now],
            ),
            Statement::new(
                "DELETE FROM sessions WHERE account_id = $1 AND user_id = $2",
                params![self.id.to_string()],
            ),
        ]
    }

    fn event(&self, verb: &str) -> Event {
        event_of(self, verb).user(&self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Ids;

    fn person(name: &str) -> User {
        let new = NewUser {
            name: Name::parse(name).ok(),
            ..NewUser::with_email(Email::parse("Ada@Example.com").expect("an address"))
        };
        User::from_new(
            new,
            &Stamp {
                ids: &Ids::seeded(1),
                now: Timestamp::from_micros(1_000_000),
            },
        )
    }

    #[test]
    fn a_full_name_is_split_and_kept_as_typed() {
        let ada = person("Ada  Augusta Byron");
        assert_eq!(
            ada.first_name.as_ref().map(Name::as_str),
            Some("Ada  Augusta")
        );
        assert_eq!(ada.last_name.as_ref().map(Name::as_str), Some("Byron"));
        assert_eq!(ada.display_name(), "Ada  Augusta Byron");
        assert_eq!(ada.name_key(), "ada augusta byron");
        let single = person("Plato");
        assert_eq!(
            (
                single.first_name.as_ref().map(Name::as_str),
                single.last_name
            ),
            (Some("Plato"), None)
        );
    }

    #[test]
    fn a_new_first_name_changes_the_full_one() {
        let mut ada = person("Ada Byron");
        let patch =
            serde_json::from_str(r#"{"last_name":"Lovelace","company":null}"#).expect("a patch");
        ada.apply(
            patch,
            &Resolved::default(),
            Timestamp::from_micros(2_000_000),
        )
        .expect("applies");
        assert_eq!(ada.display_name(), "Ada Lovelace");
        assert_eq!(ada.family_key(), "lovelace");
    }
}
