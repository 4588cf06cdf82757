//! Search over the documentation, on the server: guides section by section, operations, problems, commands.

use maud::html;

use super::catalog::{self, href};
use super::guides::{GUIDES, slug};
use super::shell::Page;
use crate::dashboard::components::{Badge, EmptyState};
use crate::dashboard::icons::Icon;
use crate::error::Code;
use crate::http::problem;
use crate::http::routes::endpoints;

/// Hits shown at the most.
const LIMIT: usize = 40;
/// Characters of a search that count.
const QUERY_MAX: usize = 100;

struct Hit {
    kind: &'static str,
    title: String,
    href: String,
    text: String,
    score: usize,
}

/// `/docs/search?q=`
pub(super) fn page(query: &str) -> Page {
    let query: String = query.trim().chars().take(QUERY_MAX).collect();
    let hits = find(&query);
    let body = html! {
        @if query.is_empty() {
            p.secondary { "Type some words into the field above: all of them are looked for." }
        } @else if hits.is_empty() {
            (EmptyState::new(Icon::Search, "Nothing found", format!("No page has all the words of «{query}». Fewer or shorter words find more.")))
        } @else {
            ol.docs-hits {
                @for hit in &hits {
                    li {
                        a href=(hit.href) { (hit.title) } " " (Badge::new(hit.kind))
                        p.secondary.small { (hit.text) }
                    }
                }
            }
        }
    };
    let title = if query.is_empty() {
        "Search".to_owned()
    } else {
        format!("Search: {query}")
    };
    Page {
        query,
        ..Page::new(title, "/docs/search", body)
    }
}

fn find(query: &str) -> Vec<Hit> {
    let words: Vec<String> = query
        .to_lowercase()
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    if words.is_empty() {
        return Vec::new();
    }
    let mut hits: Vec<Hit> = entries()
        .into_iter()
        .filter_map(|mut hit| {
            let (title, text) = (hit.title.to_lowercase(), hit.text.to_lowercase());
            hit.score = words.iter().try_fold(0, |sum, word| {
                let here = 5 * title.matches(word.as_str()).count()
                    + text.matches(word.as_str()).count().min(4);
                (here > 0).then_some(sum + here)
            })?;
            hit.text = excerpt(&hit.text, &words);
            Some(hit)
        })
        .collect();
    hits.sort_by_key(|hit| std::cmp::Reverse(hit.score));
    hits.truncate(LIMIT);
    hits
}

fn entries() -> Vec<Hit> {
    let entry = |kind, title: String, href: String, text: String| Hit {
        kind,
        title,
        href,
        text,
        score: 0,
    };
    let mut entries = Vec::new();
    for guide in GUIDES {
        for (n, section) in guide.source.split("\n## ").enumerate() {
            let (title, text) = section.split_once('\n').unwrap_or((section, ""));
            let title = title.trim_start_matches("# ").replace('`', "");
            let place = if n == 0 {
                String::new()
            } else {
                format!("#{}", slug(&title))
            };
            let named = if n == 0 {
                title
            } else {
                format!("{}: {title}", guide.label)
            };
            let href = format!("{}{place}", guide.href());
            entries.push(entry("guide", named, href, plain(text)));
        }
    }
    for operation in endpoints() {
        let text = format!(
            "{} /api{} {} {}",
            operation.method, operation.path, operation.id, operation.description
        );
        entries.push(entry(
            "operation",
            operation.summary.clone(),
            href(operation),
            text.replace('`', ""),
        ));
    }
    for code in Code::ALL {
        let title = format!("{} ({})", code.title(), code.as_str());
        let text = format!("{} {}", code.status(), code.explanation().trim());
        entries.push(entry(
            "problem",
            title,
            problem::page(*code),
            text.replace('`', ""),
        ));
    }
    for command in catalog::commands() {
        let href = format!("/docs/commands#{}", slug(&command.name));
        entries.push(entry(
            "command",
            format!("b2b-dashboard {}", command.name),
            href,
            command.about.clone(),
        ));
    }
    entries
}

/// A piece of Markdown without its marks.
fn plain(markdown: &str) -> String {
    let is_mark = |line: &&str| line.starts_with("```") || line.starts_with("|--");
    let lines: Vec<&str> = markdown.lines().filter(|line| !is_mark(line)).collect();
    lines
        .join(" ")
        .replace("**", "")
        .replace(['`', '|', '#'], "")
}

/// The place of the text where the first word stands.
fn excerpt(text: &str, words: &[String]) -> String {
    let flat: Vec<&str> = text.split_whitespace().collect();
    let is_hit = |part: &&str| {
        words
            .iter()
            .any(|word| part.to_lowercase().contains(word.as_str()))
    };
    let at = flat.iter().position(is_hit).unwrap_or(0).saturating_sub(8);
    let shown: Vec<&str> = flat.iter().skip(at).take(34).copied().collect();
    let before = if at > 0 { "… " } else { "" };
    let after = if at + 34 < flat.len() { " …" } else { "" };
    format!("{before}{}{after}", shown.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_words_must_be_there_and_titles_count_most() {
        let hits = find("create USER");
        assert_eq!(hits[0].title, "Create a user");
        assert_eq!(hits[0].href, "/docs/reference/users#create_user");
        assert!(find("create xyzzy").is_empty());
        assert!(find("  ").is_empty());
        assert_eq!(find("rate_limited")[0].kind, "problem");
    }

    #[test]
    fn what_was_searched_is_escaped() {
        let page = page("<script>");
        assert!(!page.body.into_string().contains("<script>"));
    }
}
