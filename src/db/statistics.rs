//! What SQLite is told of its tables: that an account has very many rows, and that every further column of an index
//! leaves few of them.
//!
//! SQLite chooses among indexes by the table `sqlite_stat1`. Without it, it takes any index that begins with the account
//! for one that leaves ten rows, and reads a whole tenant for one name. Measured numbers would be those of a small
//! database long after it has grown, and would change plans from one day to the next; so they are stated, from the
//! columns of each index, after every migration. The larger an account, the truer they are; in a small one no plan is slow.

use rusqlite::{Connection, params};

use super::DbError;

/// Rows of a table, all of one account.
const ROWS: u64 = 1_000_000;
/// Rows of an index over some rows only, such as the jobs that are queued.
const SOME_ROWS: u64 = 10_000;

/// Words of which many rows share one.
const WORDS: &[&str] = &[
    "status", "state", "kind", "type", "role", "cause", "source", "live", "purpose",
];

struct Index {
    table: String,
    name: String,
    is_unique: bool,
    text: Option<String>,
    columns: Vec<String>,
}

/// States the numbers of all indexes there are.
pub(super) fn state(connection: &Connection) -> Result<(), DbError> {
    // Makes the tables of statistics and measures nothing.
    connection.execute_batch("ANALYZE sqlite_master; BEGIN IMMEDIATE; DELETE FROM sqlite_stat1")?;
    let stated = indexes(connection).and_then(|indexes| {
        let mut insert =
            connection.prepare("INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (?1, ?2, ?3)")?;
        for index in indexes {
            insert.execute(params![index.table, index.name, numbers(&index)])?;
        }
        Ok(())
    });
    let end = if stated.is_ok() { "COMMIT" } else { "ROLLBACK" };
    connection.execute_batch(end)?;
    stated?;
    connection.execute_batch("ANALYZE sqlite_master")?;
    Ok(())
}

fn indexes(connection: &Connection) -> Result<Vec<Index>, DbError> {
    let mut statement = connection.prepare(
        "SELECT t.name, i.name, i.\"unique\", (SELECT sql FROM sqlite_master m WHERE m.name = i.name), \
         (SELECT group_concat(coalesce(c.name, ''), ',') FROM pragma_index_info(i.name) c) \
         FROM sqlite_master t, pragma_index_list(t.name) i WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
    )?;
    let rows = statement.query_map([], |row| {
        let columns: Option<String> = row.get(4)?;
        Ok(Index {
            table: row.get(0)?,
            name: row.get(1)?,
            is_unique: row.get(2)?,
            text: row.get(3)?,
            columns: columns
                .unwrap_or_default()
                .split(',')
                .map(str::to_owned)
                .collect(),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// All rows, then how many share the first column, the first two, and so on.
fn numbers(index: &Index) -> String {
    let condition = index
        .text
        .as_deref()
        .and_then(|text| text.split_once(" WHERE "))
        .map_or("", |(_, condition)| condition);
    let is_most = condition.is_empty() || condition == "deleted_at IS NULL";
    let rows = if is_most { ROWS } else { SOME_ROWS };
    let mut left = rows;
    let mut text = rows.to_string();
    for (n, column) in index.columns.iter().enumerate() {
        let is_last = n + 1 == index.columns.len();
        left = match column.as_str() {
            "account_id" => left,
            "id" => 1,
            _ if is_last && index.is_unique => 1,
            word if WORDS.contains(&word) => (left / 10).max(1),
            reference if reference.ends_with("_id") => left.min(50),
            _ => left.min(2),
        };
        text.push(' ');
        text.push_str(&left.to_string());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_large_and_each_further_column_leaves_few() {
        let index = |columns: &[&str], is_unique, text: Option<&str>| Index {
            table: "t".to_owned(),
            name: "i".to_owned(),
            is_unique,
            text: text.map(str::to_owned),
            columns: columns.iter().map(|&c| c.to_owned()).collect(),
        };
        let by_status = index(&["account_id", "status", "name_key", "id"], false, None);
        assert_eq!(numbers(&by_status), "1000000 1000000 100000 2 1");
        let queued = "CREATE INDEX i ON t (account_id, run_at) WHERE state = 'queued'";
        let queued = index(&["account_id", "run_at"], false, Some(queued));
        assert_eq!(numbers(&queued), "10000 10000 2");
        let key = index(&["account_id", "team_id", "user_id"], true, None);
        assert_eq!(numbers(&key), "1000000 1000000 50 1");
    }
}
