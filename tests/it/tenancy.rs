//! Every row belongs to one account, and the schema itself keeps accounts apart.

use b2b_dashboard::db::portable::{GLOBAL_TABLES, check_tenant};
use b2b_dashboard::db::{Scan, Select, Statement};

use crate::support::database::both;
use crate::support::http::ApiApp;
use crate::support::schema;

fn is_global(table: &str) -> bool {
    GLOBAL_TABLES.iter().any(|(name, _)| *name == table)
}

both! {
    async fn keys_and_indexes_of_a_tenants_table_begin_with_the_account(app: ApiApp) {
        let tables = schema::tables(&app.database).await;
        assert!(tables.len() > 20, "the schema is read: {:?}", tables.keys());
        let mut faults = Vec::new();
        for (name, table) in tables.iter().filter(|(name, _)| !is_global(name)) {
            let begins = |columns: &[String]| columns.first().is_some_and(|first| first == "account_id");
            if !begins(&table.primary) {
                faults.push(format!("{name}: primary key {:?}", table.primary));
            }
            for unique in table.unique.iter().filter(|unique| !begins(&unique.columns)) {
                faults.push(format!("{name}: unique index {} {:?}", unique.name, unique.columns));
            }
            for foreign in table.foreign.iter().filter(|foreign| !begins(&foreign.columns)) {
                faults.push(format!("{name}: foreign key {} {:?}", foreign.name, foreign.columns));
            }
        }
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }

    async fn global_tables_are_the_listed_ones(app: ApiApp) {
        let tables = schema::tables(&app.database).await;
        for (name, reason) in GLOBAL_TABLES {
            assert!(tables.contains_key(*name), "{name} is listed as global ({reason}) but does not exist");
            assert!(!reason.is_empty());
        }
        for (name, table) in &tables {
            assert!(
                is_global(name) || table.columns.iter().any(|column| column == "account_id"),
                "{name} has no account_id and is not listed as global"
            );
        }
    }

    async fn a_text_without_an_account_reaches_no_database(app: ApiApp) {
        let db = &app.node.app.db;
        let read = Select::new("SELECT id FROM users WHERE id = $2", vec![]);
        db.fetch::<(String,)>(&app.first, read).await.expect_err("a read over all accounts");
        let read = Select::new("SELECT id FROM users", vec![]);
        db.fetch_global::<(String,)>(read).await.expect_err("a read over all accounts");
        let write = Statement::new("DELETE FROM sessions", vec![]);
        db.write(&app.first, vec![write]).await.expect_err("a write over all accounts");
        let write = Statement::new("UPDATE users SET status = 'active' WHERE id = $2", vec![]);
        db.write(&app.first, vec![write]).await.expect_err("a write over all accounts");
    }

    async fn an_account_cannot_refer_to_the_rows_of_another(app: ApiApp) {
        let team = app.post("/api/teams", &serde_json::json!({ "name": "First's" })).await.id();
        let joined = Statement::new(
            "INSERT INTO domain_claims (account_id, id, domain, team_id, proof, state, txt_record, version, created_at, updated_at) VALUES ($1, 'claim', 'example.com', $2, 'admin', 'verified', '', 1, 0, 0)",
            b2b_dashboard::params![team],
        );
        let refused = app.node.app.db.write(&app.second, vec![joined]).await;
        refused.expect_err("the foreign key carries the account");
    }
}

/// The reads that name no account. Who adds one states here why it must.
const SCANS: &[(Scan, &str)] = &[
    (Scan::DueJobs, "the worker asks which accounts have work"),
    (
        Scan::LostJobs,
        "the worker asks whose jobs a dead worker has left",
    ),
    (
        Scan::UnpublishedEvents,
        "the publisher asks which accounts have new events",
    ),
    (
        Scan::SignInAddress,
        "sign-in knows an address and no account yet",
    ),
    (
        Scan::LinkSlug,
        "whoever opens a public address of a link names no account",
    ),
    (Scan::Accounts, "the operator lists accounts"),
];

#[test]
fn every_scan_is_listed_with_its_reason_and_only_reads() {
    let source = include_str!("../../src/db/mod.rs");
    let (_, body) = source.split_once("pub enum Scan {").expect("the scans");
    let (body, _) = body.split_once('}').expect("their end");
    let declared: Vec<&str> = body
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with("///"))
        .map(|line| line.trim_end_matches(','))
        .collect();
    let listed: Vec<String> = SCANS.iter().map(|(scan, _)| format!("{scan:?}")).collect();
    assert_eq!(declared, listed);
    assert!(SCANS.iter().all(|(_, reason)| !reason.is_empty()));
}

#[test]
fn the_check_of_texts_sees_every_verb() {
    for refused in [
        "SELECT id FROM users",
        "SELECT u.id FROM accounts a JOIN users u ON u.id = a.name",
        "INSERT INTO users (id) VALUES ($2)",
        "UPDATE users SET name = $2",
        "DELETE FROM users WHERE id = $2",
    ] {
        check_tenant(refused).expect_err(refused);
    }
}
