//! `bench/RESULTS.md`: the table, how to read it, and the noise that was seen.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use crate::machine::{median, noise};

/// Figures on their way into the file.
#[derive(Default)]
pub struct Report {
    ratios: String,
    figures: String,
    cpu: String,
    notes: Vec<String>,
    missed: bool,
}

impl Report {
    /// A rate against its baseline, with what is wanted and what is hoped for; zero: only shown.
    pub fn ratio(
        &mut self,
        what: &str,
        of: &str,
        rates: &[f64],
        bases: &[f64],
        floor: f64,
        goal: f64,
    ) {
        let each: Vec<f64> = rates
            .iter()
            .zip(bases)
            .map(|(rate, base)| rate / base)
            .collect();
        let ratio = median(&each);
        let verdict = if floor == 0.0 {
            "shown"
        } else if ratio >= goal {
            "goal met"
        } else if ratio >= floor {
            "met"
        } else {
            "MISSED"
        };
        self.missed |= verdict == "MISSED";
        let wanted = if floor == 0.0 {
            "–".to_owned()
        } else {
            format!("≥ {floor} ({goal})")
        };
        let line = format!(
            "| {what} | {of} | **{ratio:.2}** | {wanted} | {verdict} | {:.0} | {:.0} | ± {:.0} % |\n",
            median(rates),
            median(bases),
            noise(&each)
        );
        print!("{line}");
        self.ratios.push_str(&line);
    }

    /// A figure with an upper bound.
    pub fn figure(&mut self, what: &str, unit: &str, figures: &[f64], bound: f64) {
        let middle = median(figures);
        self.missed |= middle > bound;
        let verdict = if middle <= bound { "met" } else { "MISSED" };
        let line = format!(
            "| {what} | **{middle:.2} {unit}** | ≤ {bound} | {verdict} | ± {:.0} % |\n",
            noise(figures)
        );
        print!("{line}");
        self.figures.push_str(&line);
    }

    /// Processor time of the server and of the database for each request.
    pub fn cpu(&mut self, what: &str, server: &[f64], database: Option<&[f64]>) {
        let database = database.map_or("–".to_owned(), |figures| {
            format!("{:.0} µs", median(figures))
        });
        let _ = writeln!(
            self.cpu,
            "| {what} | {:.0} µs | {database} |",
            median(server)
        );
    }

    /// A sentence below the tables.
    pub fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    /// Writes the file; fails when a figure misses what is wanted.
    pub fn write(&self, file: &Path) {
        let text = format!(
            "## Speed\n\nMade by `bench/run` on a machine of {} processors; server, database, client and everything else share them. Only ratios within \
             one run count: a figure and its baseline were measured in turn, three rounds, and the median is shown. Noise is the widest distance of a \
             round from the median; differences below it say nothing.\n\n\
             | what | database | ratio | wanted (hoped for) | | rate | baseline | noise |\n|---|---|---|---|---|---|---|---|\n{}\n\
             | what | figure | wanted | | noise |\n|---|---|---|---|---|\n{}\n\
             Processor time a request:\n\n| what | server | database |\n|---|---|---|\n{}\n{}\n\n\
             Known limit: calls for one and the same seat pass one by one, since its row is locked until the commit; the line above on 1,000 parallel \
             calls shows what that costs.\n",
            std::thread::available_parallelism().map_or(0, usize::from),
            self.ratios,
            self.figures,
            self.cpu,
            self.notes.join("\n"),
        );
        section(file, "speed", &text);
        assert!(
            !self.missed,
            "a figure misses what is wanted; see {}",
            file.display()
        );
    }
}

/// Puts a section in its place in the file and leaves the others as they are.
fn section(file: &Path, name: &str, text: &str) {
    let (begin, end) = (
        format!("<!-- {name} -->\n"),
        format!("<!-- end of {name} -->\n"),
    );
    let before = std::fs::read_to_string(file).unwrap_or_else(|_| "# Results\n\n".to_owned());
    let text = format!("{begin}{text}{end}");
    let whole = match (before.split_once(&begin), before.split_once(&end)) {
        (Some((head, _)), Some((_, tail))) => format!("{head}{text}{tail}"),
        _ => format!("{before}{text}\n"),
    };
    std::fs::write(file, whole).expect("a file");
}

/// One list of one database, over all the queries it was asked by.
#[derive(Default)]
struct List {
    queries: usize,
    /// Page 1 and the deep page of the query where they are farthest apart, in milliseconds.
    worst: Option<(String, f64, f64)>,
    /// Queries by which it could not be measured, by the reason.
    skipped: BTreeMap<String, Vec<String>>,
}

/// Page 1 beside page 40,000, on their way into the file.
#[derive(Default)]
pub struct Lists {
    of: BTreeMap<(String, String), List>,
    /// Those that miss what is wanted.
    slow: Vec<String>,
}

fn ratio(near: f64, far: f64) -> f64 {
    near.max(far) / near.min(far)
}

impl Lists {
    fn list(&mut self, of: &str, table: &str) -> &mut List {
        let key = (of.to_owned(), table.to_owned());
        self.of.entry(key).or_default()
    }

    /// One list as it was asked for, in milliseconds.
    pub fn add(&mut self, of: &str, table: &str, query: &str, near: f64, far: f64) {
        let own = ratio(near, far);
        let line = format!("{of} {table} `{query}`: {near:.2} ms and {far:.2} ms, {own:.2}");
        println!("{line}");
        if own > 2.0 {
            self.slow.push(line);
        }
        let list = self.list(of, table);
        list.queries += 1;
        let worst = list.worst.as_ref();
        if worst.is_none_or(|(_, near, far)| ratio(*near, *far) < own) {
            list.worst = Some((query.to_owned(), near, far));
        }
    }

    /// One that has no deep page, and why.
    pub fn skipped(&mut self, of: &str, table: &str, query: &str, why: &str) {
        let list = self.list(of, table);
        let queries = list.skipped.entry(why.to_owned()).or_default();
        queries.push(query.to_owned());
    }

    /// Writes the section; fails when a list misses what is wanted.
    pub fn write(&self, file: &Path, size: &str) {
        let (mut lines, mut skipped) = (String::new(), String::new());
        for ((of, table), list) in &self.of {
            if let Some((query, near, far)) = &list.worst {
                lines.push_str(&format!(
                    "| {of} | {table} | {} | `{query}` | {near:.2} ms | {far:.2} ms | **{:.2}** |\n",
                    list.queries,
                    ratio(*near, *far)
                ));
            }
            for (why, queries) in &list.skipped {
                skipped.push_str(&format!(
                    "- {of}, {table}, {} queries: {why}\n",
                    queries.len()
                ));
            }
        }
        let count: usize = self.of.values().map(|list| list.queries).sum();
        let text = format!(
            "## Lists at scale\n\nMade by `bench/run lists`: {size} in one account. Every list was asked for in each order, by each filter, and by each \
             equality in each order: page 1 and page 40,000 (of 25 records; in a shorter list the one before its last tenth) in turn. Medians are shown, of \
             the query where the two are farthest apart; the greater over the smaller is wanted to be 2 at the most. Of {count} queries {} miss that.\n\n\
             | database | list | queries | farthest apart | page 1 | deep page | ratio |\n|---|---|---|---|---|---|---|\n{lines}\n{}\nNot measured:\n\n{skipped}",
            self.slow.len(),
            self.slow
                .iter()
                .map(|line| format!("- MISSED: {line}\n"))
                .collect::<String>(),
        );
        section(file, "lists", &text);
        assert!(
            self.slow.is_empty(),
            "a list misses what is wanted; see {}",
            file.display()
        );
    }
}
