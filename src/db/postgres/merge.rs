//! A list of writes as one statement.

use std::fmt::Write as _;

use crate::db::portable::{Dialect, check_tenant, translate, written_table};
use crate::db::{DbError, Expect, Statement};

/// Joins writes into `WITH w0 AS (… RETURNING 1), … SELECT count…`. All see the rows as they were before the first of
/// them, so no two may touch one row; what one wants to know of a row that another has written stands in that one's
/// `RETURNING`. A guard that changed nothing divides by zero, which undoes the whole.
pub(super) fn merge(statements: &[Statement]) -> Result<String, DbError> {
    let mut text = String::from("WITH ");
    let mut offset = 0;
    let written = statements
        .iter()
        .enumerate()
        .map(|(n, statement)| written_before(statements, n, statement))
        .collect::<Result<Vec<_>, _>>()?;
    for (n, statement) in statements.iter().enumerate() {
        check_tenant(&statement.sql)?;
        let comma = if n == 0 { "" } else { ", " };
        let wanted = written.iter().flatten().find(|(_, writer)| *writer == n);
        let returned = wanted.map_or_else(|| "1".to_owned(), |(table, _)| format!("{table}.*"));
        let mut own = renumber(&translate(&statement.sql, Dialect::Postgres), offset);
        if let Some(Some((table, writer))) = written.get(n) {
            own = own.replace(&format!("WRITTEN({table})"), &format!("w{writer}"));
        }
        let _ = write!(text, "{comma}w{n} AS ({own} RETURNING {returned})");
        offset += statement.params.len();
    }
    for (n, statement) in statements.iter().enumerate() {
        let word = if n == 0 { " SELECT " } else { ", " };
        let count = format!("(SELECT count(*) FROM w{n})");
        let _ = match statement.expect {
            Expect::Any => write!(text, "{word}{count}"),
            Expect::Some => write!(
                text,
                "{word}{count} / CASE WHEN {count} = 0 THEN 0 ELSE 1 END"
            ),
            Expect::Exactly(wanted) => write!(
                text,
                "{word}{count} / CASE WHEN {count} = {wanted} THEN 1 ELSE 0 END"
            ),
        };
    }
    Ok(text)
}

/// The table of which a statement reads `WRITTEN(table)`, and the place of the nearest write of it before.
fn written_before<'s>(
    statements: &[Statement],
    place: usize,
    statement: &'s Statement,
) -> Result<Option<(&'s str, usize)>, DbError> {
    let Some(table) = written_table(&statement.sql) else {
        return Ok(None);
    };
    let writes = |before: &Statement| {
        let sql = before.sql.trim_start();
        ["UPDATE ", "INSERT INTO "].iter().any(|verb| {
            sql.strip_prefix(verb)
                .and_then(|rest| rest.strip_prefix(table))
                .is_some_and(|rest| rest.starts_with(' '))
        })
    };
    let before = statements.iter().take(place).rposition(writes);
    before.map(|writer| Some((table, writer))).ok_or_else(|| {
        DbError::Internal(format!("nothing writes {table} before: {}", statement.sql).into())
    })
}

/// Moves `$2`, `$3`, … on by the offset; `$1`, the account, is everybody's.
fn renumber(sql: &str, offset: usize) -> String {
    let mut out = String::with_capacity(sql.len() + 16);
    let mut rest = sql;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        let digits = after.bytes().take_while(u8::is_ascii_digit).count();
        let (number, tail) = after.split_at(digits);
        let number: usize = number.parse().unwrap_or(1);
        let _ = write!(out, "${}", if number == 1 { 1 } else { number + offset });
        rest = tail;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::Value;

    #[test]
    fn a_list_becomes_one_statement() {
        let list = [
            Statement::new(
                "INSERT INTO a (account_id, x) VALUES ($1, $2)",
                vec![Value::Int(Some(1))],
            ),
            Statement::guarded(
                "UPDATE b SET x = $2 WHERE account_id = $1 AND y = $3",
                vec![Value::Int(Some(1)), Value::Int(None)],
            ),
        ];
        assert_eq!(
            merge(&list).expect("a text"),
            "WITH w0 AS (INSERT INTO a (account_id, x) VALUES ($1, $2) RETURNING 1), \
             w1 AS (UPDATE b SET x = $3 WHERE account_id = $1 AND y = $4 RETURNING 1) \
             SELECT (SELECT count(*) FROM w0), (SELECT count(*) FROM w1) / CASE WHEN (SELECT count(*) FROM w1) = 0 THEN 0 ELSE 1 END"
        );
    }

    #[test]
    fn what_was_written_before_is_read_from_its_own_statement() {
        let update = "UPDATE a SET x = x + $2 WHERE account_id = $1";
        let reads = "INSERT INTO b (account_id, y) SELECT $1, w.x FROM WRITTEN(a) w WHERE w.account_id = $1";
        let update = Statement::new(update, vec![Value::Int(Some(1))]);
        let reads = Statement::new(reads, Vec::new());
        let text = merge(&[update, reads.clone()]).expect("a text");
        assert!(
            text.contains("account_id = $1 RETURNING a.*), w1 AS ("),
            "{text}"
        );
        assert!(text.contains("FROM w0 w WHERE"), "{text}");
        assert!(merge(&[reads]).is_err(), "nothing was written before");
    }
}
