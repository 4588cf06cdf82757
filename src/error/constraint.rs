//! What a client is told where the schema refuses a write.

use super::{Code, Error};
use crate::db::ConstraintKind;

/// What a named constraint of the schema means to a client: the member at fault and the sentence.
const CONSTRAINTS: &[(&str, &str, &str)] = &[
    (
        "users_email",
        "email",
        "A person with this e-mail address already exists.",
    ),
    (
        "users_external_id",
        "external_id",
        "A person with this external_id already exists.",
    ),
    (
        "teams_name",
        "name",
        "A team of this name already exists in the organization.",
    ),
    (
        "teams_external_id",
        "external_id",
        "A team with this external_id already exists.",
    ),
    (
        "organizations_external_id",
        "external_id",
        "An organization with this external_id already exists.",
    ),
    (
        "courses_external_id",
        "external_id",
        "A course with this external_id already exists.",
    ),
    (
        "courses_slug",
        "slug",
        "A course with this slug already exists.",
    ),
    (
        "products_external_id",
        "external_id",
        "A product with this external_id already exists.",
    ),
    (
        "seats_external_id",
        "external_id",
        "A seat with this external_id already exists.",
    ),
    (
        "seat_templates_external_id",
        "external_id",
        "A seat template with this external_id already exists.",
    ),
    (
        "enrollments_external_id",
        "external_id",
        "An enrollment with this external_id already exists.",
    ),
    (
        "enrollments_one",
        "course",
        "The person has an enrollment in this course from this source already: change that one.",
    ),
    (
        "catalog_items_external_id",
        "external_id",
        "A catalog item with this external_id already exists.",
    ),
    (
        "orders_external_id",
        "external_id",
        "An order with this external_id already exists.",
    ),
    (
        "seat_teams_one_live",
        "teams",
        "One of the teams already has a live seat of this product: add to that one.",
    ),
    (
        "team_members_pkey",
        "user",
        "The person is already a member of the team.",
    ),
    (
        "invitations_one_open",
        "email",
        "An invitation of this person to this team is open already: resend it, or revoke it first.",
    ),
    (
        "links_external_id",
        "external_id",
        "A link with this external_id already exists.",
    ),
    (
        "link_slugs_pkey",
        "slug",
        "A link with this slug already exists. Choose another, or leave it out for one that nobody guesses.",
    ),
    (
        "custom_roles_name",
        "name",
        "A role of this name and kind already exists.",
    ),
    (
        "custom_roles_external_id",
        "external_id",
        "A role with this external_id already exists.",
    ),
    (
        "domain_claims_domain",
        "domain",
        "The domain is claimed already in this account. Change or release that claim instead.",
    ),
    (
        "groups_external_id",
        "external_id",
        "A group with this external_id already exists.",
    ),
    (
        "groups_lms_group",
        "lms_group_id",
        "Another group has this lms_group_id already.",
    ),
    (
        "group_teams_once",
        "team",
        "The team is mapped to this group already.",
    ),
    (
        "organization_members_pkey",
        "user",
        "The person looks after this organization already.",
    ),
];

/// The failure behind the refusal of a constraint.
pub(super) fn refusal(kind: ConstraintKind, name: &str) -> Error {
    if let Some((_, member, detail)) = CONSTRAINTS.iter().find(|(known, ..)| *known == name) {
        return Error::new(Code::AlreadyExists, *detail).with("member", *member);
    }
    match kind {
        ConstraintKind::ForeignKey => Error::new(
            Code::InUse,
            "A record that this refers to is not there any more, or this one is still referred to.",
        )
        .with("constraint", name),
        ConstraintKind::Unique => Error::new(
            Code::Contention,
            "Others made the same record at the same moment. Repeat the request.",
        )
        .retry_after(1),
        ConstraintKind::Check | ConstraintKind::NotNull => Error::internal(format!(
            "constraint {name} refused a write that should have been checked before"
        )),
    }
}
