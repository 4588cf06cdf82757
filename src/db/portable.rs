//! One text for two databases: the few words that differ are put right here, and only here.
//!
//! | in the text | SQLite | PostgreSQL |
//! |---|---|---|
//! | `$2` | `?2` | `$2` |
//! | `JSON_LIST($2)`: a JSON array of texts as a table `(value, position)` | `json_each` | `json_array_elements_text` |
//! | `GREATEST(`, `LEAST(` of several values, absent ones passed over | `max(`, `min(` | the same |
//! | `WRITTEN(t)`: rows of `t` as the nearest write of `t` before in the list has left them | `t` | what that write returns |
//! | `FOR UPDATE SKIP LOCKED` | left out: one writer | the same |
//!
//! A text on a tenant's table must name the account (`account_id = $1`, or the column in an INSERT); one that does not
//! is refused before it reaches a database, so that no statement can forget whose rows it touches.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::DbError;

/// Tables that belong to the installation, not to one account, each with its reason.
pub const GLOBAL_TABLES: &[(&str, &str)] = &[
    ("schema_migrations", "which migrations have run"),
    (
        "api_key_secrets",
        "a key's hash leads to its account, before the account is known",
    ),
    (
        "link_slugs",
        "the slug of a public address leads to its account, before the account is known",
    ),
    (
        "installation_settings",
        "one per installation: the operator's",
    ),
];

/// The two databases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// SQLite 3.35 or later.
    Sqlite,
    /// PostgreSQL 13 or later.
    Postgres,
}

/// Refuses a text that touches a tenant's table without naming the account.
pub fn check_tenant(sql: &str) -> Result<(), DbError> {
    let words: Vec<&str> = sql
        .split(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | ','))
        .filter(|w| !w.is_empty())
        .collect();
    let follows = |word: &str| matches!(word, "FROM" | "JOIN" | "INTO" | "UPDATE");
    let tables = words
        .iter()
        .zip(words.iter().skip(1))
        .filter(|(word, _)| follows(word))
        .map(|(_, table)| *table);
    let is_table = |table: &&str| {
        table.starts_with(|c: char| c.is_ascii_lowercase()) && !table.starts_with("json_")
    };
    let tenant = tables
        .filter(is_table)
        .find(|table| !GLOBAL_TABLES.iter().any(|(name, _)| name == table));
    let Some(table) = tenant else { return Ok(()) };
    let inserts = sql.contains("INSERT INTO") && sql.contains("(account_id") && sql.contains("$1");
    if inserts || sql.contains("account_id = $1") {
        return Ok(());
    }
    Err(DbError::Internal(
        format!("a statement on {table} names no account: {sql}").into(),
    ))
}

/// The text as the given database wants it.
pub fn translate(sql: &str, dialect: Dialect) -> Cow<'_, str> {
    match dialect {
        Dialect::Postgres if sql.contains("JSON_LIST(") => expand_lists(sql, dialect).into(),
        Dialect::Postgres => sql.into(),
        Dialect::Sqlite => {
            let text = expand_lists(sql, dialect);
            let text = match written_table(&text) {
                Some(table) => text.replace(&format!("WRITTEN({table})"), table),
                None => text,
            };
            text.replace('$', "?")
                .replace("GREATEST(", "max(")
                .replace("LEAST(", "min(")
                .replace(" FOR UPDATE SKIP LOCKED", "")
                .into()
        }
    }
}

/// The table in `WRITTEN(table)`, if a text has it. A text has one such table at the most.
pub(super) fn written_table(sql: &str) -> Option<&str> {
    let (_, after) = sql.split_once("WRITTEN(")?;
    after.split_once(')').map(|(table, _)| table)
}

fn expand_lists(sql: &str, dialect: Dialect) -> String {
    let mut out = String::with_capacity(sql.len() + 64);
    let mut rest = sql;
    while let Some((before, after)) = rest.split_once("JSON_LIST(") {
        let (place, after) = after.split_once(')').unwrap_or((after, ""));
        out.push_str(before);
        let _ = match dialect {
            Dialect::Sqlite => write!(
                out,
                "(SELECT value, key AS position FROM json_each({place}))"
            ),
            Dialect::Postgres => write!(
                out,
                "(SELECT value, ordinality - 1 AS position FROM json_array_elements_text({place}::json) WITH ORDINALITY AS e(value, ordinality))"
            ),
        };
        rest = after;
    }
    out.push_str(rest);
    out
}

/// A migration's text as the given database wants it: on PostgreSQL texts compare by their bytes, as on SQLite, so
/// that order and ranges are the same on both.
pub fn translate_schema(sql: &str, dialect: Dialect) -> String {
    match dialect {
        Dialect::Sqlite => sql.to_owned(),
        Dialect::Postgres => sql.replace(" TEXT", " TEXT COLLATE \"C\""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_on_a_tenants_table_must_name_the_account() {
        assert!(check_tenant("SELECT id FROM users WHERE account_id = $1").is_ok());
        assert!(check_tenant("SELECT id FROM users WHERE id = $2").is_err());
        assert!(check_tenant("INSERT INTO users (account_id, id) VALUES ($1, $2)").is_ok());
        assert!(check_tenant("INSERT INTO users (id) VALUES ($2)").is_err());
        assert!(check_tenant("UPDATE users SET a = 1 WHERE id = $2").is_err());
        assert!(
            check_tenant("SELECT account_id FROM api_key_secrets WHERE secret_hash = $2").is_ok()
        );
        assert!(check_tenant("SELECT 1").is_ok());
    }

    #[test]
    fn lists_become_tables_on_both() {
        let sql = "SELECT id FROM t WHERE account_id = $1 AND id IN (SELECT value FROM JSON_LIST($2) AS l)";
        assert_eq!(
            translate(sql, Dialect::Sqlite),
            "SELECT id FROM t WHERE account_id = ?1 AND id IN (SELECT value FROM (SELECT value, key AS position FROM json_each(?2)) AS l)"
        );
        assert!(translate(sql, Dialect::Postgres).contains("json_array_elements_text($2::json)"));
    }

    #[test]
    fn sqlite_sees_what_was_written_before_in_the_table() {
        let sql = "INSERT INTO b (account_id, y) SELECT $1, w.x FROM WRITTEN(a) w WHERE w.account_id = $1";
        assert_eq!(
            translate(sql, Dialect::Sqlite),
            "INSERT INTO b (account_id, y) SELECT ?1, w.x FROM a w WHERE w.account_id = ?1"
        );
    }
}
