//! The live schema of a test's database: its tables, and what their keys and indexes are made of.

use std::collections::BTreeMap;

use super::database::{Engine, TestDatabase};
use super::postgres::Session;

/// A key or an index, with its columns in order. An expression stands as an empty text.
#[derive(Debug, Clone)]
pub(crate) struct Constraint {
    pub(crate) name: String,
    pub(crate) columns: Vec<String>,
}

/// A table as the database knows it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Table {
    pub(crate) columns: Vec<String>,
    pub(crate) primary: Vec<String>,
    pub(crate) unique: Vec<Constraint>,
    pub(crate) foreign: Vec<Constraint>,
}

/// All tables by name.
pub(crate) async fn tables(database: &TestDatabase) -> BTreeMap<String, Table> {
    match database.engine {
        Engine::Sqlite => sqlite(&database.url),
        Engine::Postgres => postgres(&database.url).await,
    }
}

fn sqlite(url: &str) -> BTreeMap<String, Table> {
    let path = url.strip_prefix("sqlite:").expect("a file");
    let connection = rusqlite::Connection::open(path).expect("a SQLite file");
    let texts = |sql: &str| -> Vec<(String, String)> {
        let mut statement = connection.prepare(sql).expect("a statement");
        let rows = statement.query_map([], |row| {
            Ok((
                row.get::<_, Option<String>>(0)?.unwrap_or_default(),
                row.get::<_, Option<String>>(1)?.unwrap_or_default(),
            ))
        });
        rows.expect("rows").map(|row| row.expect("a row")).collect()
    };
    let names = texts(
        "SELECT name, '' FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
    );
    let mut tables = BTreeMap::new();
    for (name, _) in names {
        let mut table = Table::default();
        let columns = format!("SELECT name, '' FROM pragma_table_xinfo('{name}') ORDER BY cid");
        table.columns = texts(&columns).into_iter().map(|row| row.0).collect();
        let primary =
            format!("SELECT name, '' FROM pragma_table_info('{name}') WHERE pk > 0 ORDER BY pk");
        table.primary = texts(&primary).into_iter().map(|row| row.0).collect();
        let unique = format!(
            "SELECT i.name, c.name FROM pragma_index_list('{name}') i, pragma_index_info(i.name) c WHERE i.\"unique\" = 1 ORDER BY i.seq, c.seqno"
        );
        table.unique = grouped(texts(&unique));
        let foreign = format!(
            "SELECT CAST(id AS TEXT), \"from\" FROM pragma_foreign_key_list('{name}') ORDER BY id, seq"
        );
        table.foreign = grouped(texts(&foreign));
        tables.insert(name, table);
    }
    tables
}

async fn postgres(url: &str) -> BTreeMap<String, Table> {
    let session = Session::open(url).await;
    let rows = async |sql: &str| -> Vec<(String, String, String)> {
        let rows = session.client.query(sql, &[]).await.expect("rows");
        rows.iter()
            .map(|row| {
                let text = |n: usize| row.get::<_, Option<String>>(n).unwrap_or_default();
                (text(0), text(1), text(2))
            })
            .collect()
    };
    let mut tables: BTreeMap<String, Table> = BTreeMap::new();
    let columns = "SELECT table_name::text, column_name::text, ''::text FROM information_schema.columns \
                   JOIN information_schema.tables USING (table_schema, table_name) \
                   WHERE table_schema = 'public' AND table_type = 'BASE TABLE' ORDER BY table_name, ordinal_position";
    for (table, column, _) in rows(columns).await {
        tables.entry(table).or_default().columns.push(column);
    }
    let constraints = "SELECT c.conrelid::regclass::text, c.contype::text || c.conname::text, a.attname::text FROM pg_constraint c \
                       CROSS JOIN LATERAL unnest(c.conkey) WITH ORDINALITY AS k(number, place) \
                       JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.number \
                       WHERE c.contype IN ('p', 'f') AND c.connamespace = 'public'::regnamespace ORDER BY 1, 2, k.place";
    for (table, name, column) in rows(constraints).await {
        let table = tables.entry(table).or_default();
        match name.strip_prefix('f') {
            None => table.primary.push(column),
            Some(name) => push(&mut table.foreign, name.to_owned(), column),
        }
    }
    let indexes = "SELECT i.indrelid::regclass::text, i.indexrelid::regclass::text, a.attname::text FROM pg_index i \
                   JOIN pg_class t ON t.oid = i.indrelid AND t.relnamespace = 'public'::regnamespace \
                   CROSS JOIN LATERAL unnest(i.indkey::int[]) WITH ORDINALITY AS k(number, place) \
                   LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number AND k.number > 0 \
                   WHERE i.indisunique ORDER BY 1, 2, k.place";
    for (table, name, column) in rows(indexes).await {
        push(&mut tables.entry(table).or_default().unique, name, column);
    }
    tables
}

fn grouped(rows: Vec<(String, String)>) -> Vec<Constraint> {
    let mut list = Vec::new();
    for (name, column) in rows {
        push(&mut list, name, column);
    }
    list
}

fn push(list: &mut Vec<Constraint>, name: String, column: String) {
    match list.iter_mut().find(|known| known.name == name) {
        Some(known) => known.columns.push(column),
        None => list.push(Constraint {
            name,
            columns: vec![column],
        }),
    }
}
