//! A large account, made by bulk inserts: people, teams, places, and what comes with them in proportion.
//!
//! The indexes are taken away before and made again after, from what the database itself says of them, so that a new
//! one needs no line here. Values are scattered by multiplication with primes: neighbours in one order are far apart in
//! another, as they are in life.

use std::fmt::Write as _;
use std::time::Instant;

use b2b_dashboard::types::AccountId;

use super::Place;

/// How much of everything.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// People.
    pub users: u64,
    /// Teams, each with a seat.
    pub teams: u64,
    /// Assignments, two for each person, and as many enrollments.
    pub assignments: u64,
}

impl Size {
    /// A million people, a hundred thousand teams, two million assignments, times `scale`.
    pub fn scaled(scale: f64) -> Self {
        let of = |count: f64| (count * scale).max(1000.0) as u64;
        Self {
            users: of(1e6),
            teams: of(1e5),
            assignments: 2 * of(1e6),
        }
    }
}

/// Columns, values and how many rows: `i` runs from 1.
struct Bulk {
    table: &'static str,
    columns: &'static str,
    values: String,
    count: u64,
}

/// Fills the account.
pub async fn fill(place: &Place, account: &AccountId, size: Size) {
    let begun = Instant::now();
    let bulks = bulks(size);
    match place.url.strip_prefix("sqlite:") {
        Some(path) => fill_sqlite(path, account, &bulks),
        None => fill_postgres(&place.url, account, &bulks).await,
    }
    println!(
        "{}: {size:?} made in {:.0} s",
        place.name,
        begun.elapsed().as_secs_f64()
    );
}

fn bulks(size: Size) -> Vec<Bulk> {
    let (users, teams, assignments) = (size.users, size.teams, size.assignments);
    let organizations = (teams / 100).max(1);
    let (courses, products) = (200, 100);
    // The nth person is in team n, and has a place of its seat and of the next one's.
    let user = |n: &str| id("user", &format!("({n} - 1) % {users} + 1"));
    let team = |n: &str| format!("({n}) % {teams} + 1");
    let place_of = format!("i - 1 + (i - 1) / {users}");
    let product_of = |n: &str| id("product", &format!("({n}) % {products} + 1"));
    let made = "1600000000000000 + i * 1000000";
    let changed = |count: u64| format!("1700000000000000 + (i * 7919 % {count}) * 1000000");
    vec![
        Bulk {
            table: "organizations",
            columns: "id, name, name_key, external_id, path, depth, tags, metadata, version, created_at, updated_at",
            values: format!(
                "{0}, 'Organization ' || i, 'o' || {1}, 'org-' || i, '/' || {0} || '/', 1, '[]', '{{}}', 1, {made}, {made}",
                id("org", "i"),
                padded(&format!("i * 7919 % {organizations}"))
            ),
            count: organizations,
        },
        Bulk {
            table: "teams",
            columns: "id, name, name_key, external_id, organization_id, tags, metadata, version, created_at, updated_at",
            values: format!(
                "{}, 'Team ' || {1}, 'team ' || {1}, 'big-team-' || i, {2}, '[]', '{{}}', 1, {made}, {made}",
                id("team", "i"),
                padded(&format!("i * 7919 % {teams}")),
                id("org", &format!("i % {organizations} + 1"))
            ),
            count: teams,
        },
        Bulk {
            table: "users",
            columns: "id, email, email_key, first_name, last_name, name_key, family_key, external_id, status, tags, metadata, version, created_at, updated_at",
            values: format!(
                "{}, 'p' || {email} || '@big.example', 'p' || {email} || '@big.example', 'Nora ' || {first}, 'Berg ' || {last}, 'nora ' || {first} || ' berg ' || {last}, 'berg ' || {last}, 'crm-' || i, \
                 CASE WHEN i % 1000 = 0 THEN 'deactivated' WHEN i % 10 = 1 THEN 'invited' ELSE 'active' END, '[]', '{{}}', 1, {made}, {}",
                id("user", "i"),
                changed(users),
                first = padded(&format!("i * 7919 % {users}")),
                last = padded(&format!("i * 104729 % {users}")),
                email = padded(&format!("i * 15485863 % {users}")),
            ),
            count: users,
        },
        Bulk {
            table: "team_members",
            columns: "team_id, user_id, role, managed_by, joined_at",
            values: format!(
                "{}, {}, CASE WHEN i <= {teams} AND i % 100 <> 0 THEN 'owner' ELSE 'learner' END, 'api', {made}",
                id("team", &team("i - 1")),
                id("user", "i")
            ),
            count: users,
        },
        Bulk {
            table: "courses",
            columns: "id, name, name_key, external_id, status, chapters, version, created_at, updated_at",
            values: format!(
                "{}, 'Course ' || i, 'course ' || {}, 'course-' || i, 'published', '[]', 1, {made}, {made}",
                id("course", "i"),
                padded("i * 7919 % 200")
            ),
            count: courses,
        },
        Bulk {
            table: "products",
            columns: "id, name, name_key, external_id, status, course_ids, version, created_at, updated_at",
            values: format!(
                "{}, 'Product ' || i, 'product ' || {}, 'product-' || i, 'published', '[]', 1, {made}, {made}",
                id("product", "i"),
                padded("i * 7919 % 100")
            ),
            count: products,
        },
        Bulk {
            table: "product_courses",
            columns: "product_id, course_id",
            values: format!("{}, {}", product_of("i"), id("course", "i")),
            count: courses,
        },
        Bulk {
            table: "seat_templates",
            columns: "id, name, name_key, external_id, product_id, expiry, reusable, extendable, version, created_at, updated_at",
            values: format!(
                "{}, 'Terms ' || i, 'terms ' || i, 'terms-' || i, {}, 'never', TRUE, TRUE, 1, {made}, {made}",
                id("template", "i"),
                product_of("i")
            ),
            count: 1000,
        },
        Bulk {
            table: "seats",
            columns: "id, product_id, external_id, team_ids, quantity, expiry, reusable, extendable, status, tags, assigned, waitlisted, version, created_at, updated_at",
            values: format!(
                "{}, {}, 'big-seat-' || i, '[\"' || {} || '\"]', 20 + i % 40, 'never', TRUE, TRUE, 'active', '[]', 20, CASE WHEN i % 50 = 0 THEN 3 ELSE 0 END, 1, {made}, {made}",
                id("seat", "i"),
                product_of("i"),
                id("team", "i")
            ),
            count: teams,
        },
        Bulk {
            table: "seat_teams",
            columns: "team_id, seat_id, product_id, live",
            values: format!(
                "{}, {}, {}, TRUE",
                id("team", "i"),
                id("seat", "i"),
                product_of("i")
            ),
            count: teams,
        },
        Bulk {
            table: "seat_assignments",
            columns: "id, seat_id, product_id, user_id, team_id, state, starts_at, expires_at, cause, version, created_at, updated_at",
            values: format!(
                "{}, {}, {}, {}, {}, CASE WHEN i % 1000 = 2 THEN 'waitlisted' WHEN i % 20 = 0 THEN 'released' WHEN i % 20 = 1 THEN 'expired' ELSE 'active' END, {made}, \
                 CASE WHEN i % 3 = 0 THEN NULL ELSE {} END, 'provision', 1, {made}, {made}",
                id("assignment", "i"),
                id("seat", &team(&place_of)),
                product_of(&team(&place_of)),
                user("i"),
                id("team", &team(&place_of)),
                changed(assignments),
            ),
            count: assignments,
        },
        Bulk {
            table: "seat_ledger",
            columns: "id, seat_id, cause, quantity_delta, assigned_delta, reserved_delta, spent_delta, waitlisted_delta, actor_type, actor_name, created_at",
            values: format!(
                "{}, {}, CASE WHEN i % 10 = 0 THEN 'release' ELSE 'assign' END, 0, 1, 0, 0, 0, 'api_key', 'load', {made}",
                id("entry", "i"),
                id("seat", &team(&place_of))
            ),
            count: assignments,
        },
        Bulk {
            table: "enrollments",
            columns: "id, user_id, course_id, source, status, percent, version, created_at, updated_at",
            values: format!(
                "{}, {}, {}, 'seat', CASE WHEN i % 4 = 0 THEN 'completed' ELSE 'active' END, i % 100, 1, {made}, {made}",
                id("enrollment", "i"),
                user("i"),
                id("course", &format!("({place_of}) % {courses} + 1"))
            ),
            count: assignments,
        },
        Bulk {
            table: "events",
            columns: "id, type, sequence, actor_type, actor_name, subject_id, user_id, data, created_at",
            values: format!(
                "{}, 'user.created', i, 'api_key', 'load', {}, {}, '{{}}', {made}",
                id("event", "i"),
                id("user", "i"),
                id("user", "i")
            ),
            count: users,
        },
    ]
}

/// An id that the program reads as one: a prefix and 26 of its digits.
fn id(prefix: &str, n: &str) -> String {
    format!("'{prefix}_01j' || PAD({n}, 23)")
}

fn padded(n: &str) -> String {
    format!("PAD({n}, 8)")
}

/// `PAD(n, width)`: a number with noughts before it.
fn spelled(sql: &str, pad: impl Fn(&str, &str) -> String) -> String {
    let mut out = String::new();
    let mut rest = sql;
    while let Some((before, after)) = rest.split_once("PAD(") {
        out.push_str(before);
        let mut depth = 0;
        let end = after
            .char_indices()
            .find(|(_, c)| {
                depth += i32::from(*c == '(') - i32::from(*c == ')');
                depth < 0
            })
            .map(|(at, _)| at)
            .expect("an end");
        let (n, width) = after[..end].rsplit_once(", ").expect("a width");
        let _ = write!(out, "{}", pad(n, width));
        rest = &after[end + 1..];
    }
    out + rest
}

fn fill_sqlite(path: &str, account: &AccountId, bulks: &[Bulk]) {
    let connection = rusqlite::Connection::open(path).expect("a file");
    // What breaks off here is made anew: nothing has to be safe.
    connection
        .execute_batch("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA foreign_keys=OFF; PRAGMA cache_size=-512000; PRAGMA temp_store=FILE")
        .expect("settings");
    let tables: Vec<String> = bulks
        .iter()
        .map(|bulk| format!("'{}'", bulk.table))
        .collect();
    let indexes: Vec<(String, String)> = connection
        .prepare(&format!(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN ({})",
            tables.join(", ")
        ))
        .and_then(|mut statement| {
            statement
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect()
        })
        .expect("indexes");
    // What is stated of an index goes with it.
    connection
        .execute_batch("CREATE TEMP TABLE stated AS SELECT * FROM sqlite_stat1")
        .expect("statistics");
    for (name, _) in &indexes {
        connection
            .execute_batch(&format!("DROP INDEX {name}"))
            .expect("an index");
    }
    for bulk in bulks {
        let values = spelled(&bulk.values, |n, width| {
            format!("printf('%0{width}d', {n})")
        });
        let sql = format!(
            "INSERT INTO {} (account_id, {}) SELECT '{account}', {values} FROM \
             (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {}) SELECT i FROM n) AS n",
            bulk.table, bulk.columns, bulk.count
        );
        connection
            .execute_batch(&sql)
            .unwrap_or_else(|error| panic!("{}: {error}", bulk.table));
    }
    for (name, sql) in &indexes {
        connection
            .execute_batch(sql)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    connection
        .execute_batch("DELETE FROM sqlite_stat1; INSERT INTO sqlite_stat1 SELECT * FROM stated; ANALYZE sqlite_master; PRAGMA journal_mode=WAL")
        .expect("settings");
}

async fn fill_postgres(url: &str, account: &AccountId, bulks: &[Bulk]) {
    let client = connect(url).await;
    client
        .batch_execute("SET session_replication_role = replica; SET synchronous_commit = off; SET maintenance_work_mem = '512MB'")
        .await
        .expect("settings");
    for bulk in bulks {
        let indexes = client
            .query(
                "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = $1 AND schemaname = 'public' \
                 AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conname = indexname)",
                &[&bulk.table],
            )
            .await
            .expect("indexes");
        for index in &indexes {
            let name: &str = index.get(0);
            client
                .batch_execute(&format!("DROP INDEX {name}"))
                .await
                .expect("an index");
        }
        let values = spelled(&bulk.values, |n, width| {
            format!("lpad(CAST({n} AS TEXT), {width}, '0')")
        });
        let sql = format!(
            "INSERT INTO {} (account_id, {}) SELECT '{account}', {values} FROM generate_series(CAST(1 AS BIGINT), {}) AS n(i)",
            bulk.table, bulk.columns, bulk.count
        );
        client
            .batch_execute(&sql)
            .await
            .unwrap_or_else(|error| panic!("{}: {error:?}", bulk.table));
        for index in &indexes {
            client
                .batch_execute(index.get(1))
                .await
                .expect("the same index");
        }
    }
    // What autovacuum does by itself in a minute or two.
    client
        .batch_execute("VACUUM ANALYZE")
        .await
        .expect("statistics");
}

/// A connection of its own to PostgreSQL.
pub async fn connect(url: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls)
        .await
        .expect("a server");
    b2b_dashboard::tasks::spawn(connection);
    client
}
