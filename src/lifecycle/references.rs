//! Every column that names a person, and what becomes of it when two people become one. A test compares the list with
//! the schema, so that a new table cannot be forgotten.

use crate::db::{Statement, Value};
use crate::params;

/// What becomes of a row that names the one who goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// It names the one who stays.
    Move,
    /// It names the one who stays, unless that one has such a row (equal in these columns) already.
    MoveUnlessThere(&'static [&'static str]),
    /// It names the one who stays, unless both have an open one (the second text) equal in these columns: then it goes.
    MoveUnlessBoth(&'static [&'static str], &'static str),
    /// It names the one who stays, whatever the other column, which has a rule of its own, becomes in the same row.
    MoveBeside(&'static str),
    /// It goes.
    Remove,
    /// The merge decides by what it holds.
    Decide,
}

/// Table, column and rule.
pub const REFERENCES: &[(&str, &str, Rule)] = &[
    ("api_keys", "created_by", Rule::Move),
    ("enrollments", "user_id", Rule::Decide),
    ("erasures", "user_id", Rule::Move),
    ("events", "user_id", Rule::Move),
    (
        "former_addresses",
        "user_id",
        Rule::MoveUnlessThere(&["email_key"]),
    ),
    (
        "former_members",
        "user_id",
        Rule::MoveUnlessThere(&["departed_id", "team_id"]),
    ),
    (
        "invitations",
        "user_id",
        Rule::MoveUnlessBoth(&["team_id"], "state IN ('queued', 'sent', 'failed')"),
    ),
    ("invitations", "inviter_id", Rule::MoveBeside("user_id")),
    // The name of who decided, not their id.
    ("link_requests", "decided_by", Rule::Decide),
    ("link_requests", "user_id", Rule::Move),
    ("lms_wishes", "user_id", Rule::Move),
    ("mails", "user_id", Rule::Move),
    (
        "organization_members",
        "user_id",
        Rule::MoveUnlessThere(&["organization_id"]),
    ),
    ("provisions", "user_id", Rule::Move),
    ("seat_assignments", "user_id", Rule::Decide),
    ("seat_denials", "user_id", Rule::Move),
    // The name of who decided, not their id.
    ("seat_requests", "decided_by", Rule::Decide),
    (
        "seat_requests",
        "user_id",
        Rule::MoveUnlessBoth(&["team_id", "product_id"], "state = 'pending'"),
    ),
    ("sessions", "user_id", Rule::Remove),
    ("sign_in_links", "user_id", Rule::Remove),
    ("team_members", "user_id", Rule::Decide),
    ("user_aliases", "user_id", Rule::Move),
    ("user_passwords", "user_id", Rule::Remove),
    ("user_roles", "user_id", Rule::MoveUnlessThere(&["role"])),
];

/// The writes by which rows that name `from` name `into`, but for those that the merge decides on itself.
pub fn moves(from: &str, into: &str) -> Vec<Statement> {
    let mut list = Vec::new();
    for (table, column, rule) in REFERENCES {
        let both = || params![into.to_owned(), from.to_owned()];
        match rule {
            Rule::Decide => {}
            Rule::Remove => list.push(Statement::new(
                format!("DELETE FROM {table} WHERE account_id = $1 AND {column} = $2"),
                params![from.to_owned()],
            )),
            Rule::Move => list.push(Statement::new(
                format!("UPDATE {table} SET {column} = $2 WHERE account_id = $1 AND {column} = $3"),
                both(),
            )),
            Rule::MoveUnlessThere(keys) => list.extend(unless(table, column, keys, "TRUE", both)),
            Rule::MoveUnlessBoth(keys, open) => {
                list.extend(unless(table, column, keys, open, both));
            }
            // No row is changed twice in one list: rows of which both columns move are changed by the other's rule.
            Rule::MoveBeside(other) => list.push(Statement::new(
                format!(
                    "UPDATE {table} SET {column} = $2 WHERE account_id = $1 AND {column} = $3 AND {other} <> $3"
                ),
                both(),
            )),
        }
    }
    list
}

/// Rows move, but for those of which the other one has an equal one that is open too; these go.
fn unless(
    table: &str,
    column: &str,
    keys: &[&str],
    open: &str,
    both: impl Fn() -> Vec<Value>,
) -> [Statement; 2] {
    let same = |key: &&str| format!("o.{key} = {table}.{key}");
    let same = keys.iter().map(same).collect::<Vec<_>>().join(" AND ");
    // Columns beside it that name the same person in the same row.
    let beside: Vec<String> = REFERENCES
        .iter()
        .filter(|(of, _, rule)| *of == table && *rule == Rule::MoveBeside("user_id"))
        .map(|(_, beside, _)| {
            format!(", {beside} = CASE WHEN {beside} = $3 THEN $2 ELSE {beside} END")
        })
        .collect();
    let beside = beside.concat();
    let there = format!(
        "({open} AND EXISTS (SELECT 1 FROM (SELECT * FROM {table} WHERE account_id = $1 AND {column} = $2 AND {open}) o WHERE {same}))"
    );
    [
        Statement::new(
            format!(
                "UPDATE {table} SET {column} = $2{beside} WHERE account_id = $1 AND {column} = $3 AND NOT {there}"
            ),
            both(),
        ),
        Statement::new(
            format!("DELETE FROM {table} WHERE account_id = $1 AND {column} = $3 AND {there}"),
            both(),
        ),
    ]
}
